#!/bin/sh
# Says which Python .venv is made of: that of the PATH, or the system's if the former is too old, or was compiled without
# optimisation, which pyenv does unless told otherwise: every job would take an eighth more processor time.
system=${1:-/usr/bin/python3}
new='import asyncio, ssl, sys; sys.exit(sys.version_info < (3, 11))'  # Debian's python3-minimal has neither
optimised='import sysconfig; "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "") or exit(1)'
found=$(command -v python3)
if [ "$found" != "$system" ] && "$system" -c "$new" 2>/dev/null &&
    ! { "$found" -c "$new" && "$found" -c "$optimised"; } 2>/dev/null; then
  echo "$system"
else
  echo python3
fi
