name=$(sed -n 's/^name=//p' @{file})
seal=$(sed -n 's/^seal=//p' @{file})
export @{PLACE}="$name ($seal)"
@{runs} @{main} &
wait $!
trap 'kill $!' TERM
