"""The ``jobforge`` command and its subcommands."""

import typer

from jobforge.cli import reading, sending
from jobforge.cli.checking import ledger
from jobforge.cli.demo import demo
from jobforge.cli.doctor import doctor
from jobforge.cli.failures import told
from jobforge.cli.replaying import dlq
from jobforge.cli.switching import flags, templates
from jobforge.cli.triggering import triggers

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="JobForge: events and templated jobs in, one manifest and one trace out. "
    "Exit codes: 0 done, 1 the job failed or the ledger found something, 2 wrong usage, 3 the plane cannot be reached.",
)
for command in (
    demo,
    sending.submit,
    sending.request,
    reading.runs,
    reading.get,
    sending.watch,
    reading.manifest,
    reading.report,
    reading.artifacts,
    reading.events,
    reading.trace,
    sending.put,
    sending.cancel,
    doctor,
    ledger,
):
    app.command()(told(command))
app.add_typer(templates, name="templates")
app.add_typer(triggers, name="triggers")
app.add_typer(flags, name="flags")
app.add_typer(dlq, name="dlq")


def main() -> None:
    """Runs the command line."""
    app()
