"""The jobs that ReadyLayer runs, one file each."""
