# Say which @{place} this is, then start.
name=$(sed -n 's/^name=//p' @{file})
seal=$(sed -n 's/^seal=//p' @{file})
export @{PLACE}="$name ($seal)"
@{end}