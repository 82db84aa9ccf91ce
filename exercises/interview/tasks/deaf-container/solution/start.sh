# Say which @{place} this is, then start.
name=$(sed -n 's/^name=//p' @{file})
seal=$(sed -n 's/^seal=//p' @{file})
export @{PLACE}="$name ($seal)"
# In place of the shell: the service is process 1, and gets the signal.
exec @{runs} @{main}
