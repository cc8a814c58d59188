#!/bin/sh
# A report about the machine, or about what was asked; protocol "cgi", so it begins with a status and headers.
set -eu

start() {
    printf 'Status: %s\nContent-Type: text/plain; charset=utf-8\n\n' "$1"
}

case ${FN_PARAM_about:-} in
machine)
    start '200 OK'
    printf '%s, up since %s\n' "$(uname -sr)" "$(uptime -s 2>/dev/null || echo 'nobody knows when')"
    echo
    df -h / # what is written is sent at once; nothing waits for the end of the report
    echo
    sed -n '1,3p' /proc/meminfo
    ;;
request)
    start '200 OK'
    printf 'call %s has until %s and %s MiB\n\n' "$FN_CALL_ID" "$FN_DEADLINE" "$FN_MEMORY"
    env | sort
    ;;
*)
    start '404 Not Found'
    echo 'There is a report about the machine, and one about the request.'
    ;;
esac
