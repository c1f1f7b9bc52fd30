#!/bin/sh
# Starts the browser JOBFORGE_PROGRAM with these arguments: as nobody if this is root, whom its sandbox refuses, and within
# JOBFORGE_NAMESPACE, a command that takes its network away, where that can be.
# A file of the package, since temporary folders may be mounted such that nothing in them can be run.
as=""
if [ "$(id -u)" = 0 ]; then
    chown -R 65534:65534 "$HOME" || exit 1
    as="setpriv --reuid=65534 --regid=65534 --clear-groups --"
fi
within="$JOBFORGE_NAMESPACE"
if [ -n "$within" ] && ! $as $within true; then within=""; fi
exec $as $within "$JOBFORGE_PROGRAM" "$@"
