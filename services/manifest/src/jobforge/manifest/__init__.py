"""The view: folds the log, serves runs, manifests, reports and events."""
