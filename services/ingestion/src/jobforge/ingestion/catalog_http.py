"""The routes about what the plane knows: templates, triggers and flags, and their switches."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Body, Path

from jobforge.chassis.control import ControlView, announce
from jobforge.chassis.settings import Settings
from jobforge.chassis.wire import NotWritten, OutcomeUnknown, Publisher
from jobforge.contracts.base import TemplateKey, TriggerName
from jobforge.contracts.control import (
    FLAGS,
    FlagSet,
    TemplateAnnounced,
    TemplateSwitched,
    TriggerAnnounced,
    TriggerSwitched,
)
from jobforge.ingestion.answers import CatalogEntry, CatalogPage, Flags, Switch, Switched, TriggerEntry, TriggerPage
from jobforge.ingestion.intake import unwritten
from jobforge.ingestion.problems import documented
from jobforge.ingestion.refusal import Refusal

TRIGGERS = "JOBFORGE_TRIGGERS_ENABLED"


def catalog_routes(
    settings: Settings,
    control: ControlView,
    publisher: Publisher,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> APIRouter:
    """Templates and flags: what they are, and in the development profile the switches."""
    router = APIRouter()

    @router.get("/v1/templates", tags=["catalog"])
    async def list_templates() -> CatalogPage:
        """Every template that a running domain has announced."""
        known = control.templates
        return CatalogPage(templates=tuple(_entry(control, known[key]) for key in sorted(known)))

    @router.get("/v1/templates/{template_key}", tags=["catalog"], responses=documented(404, 422))
    async def get_template(template_key: Annotated[TemplateKey, Path()]) -> CatalogEntry:
        """One template."""
        return _entry(control, _known(control, template_key))

    @router.put("/v1/templates/{template_key}", tags=["catalog"], responses=documented(400, 403, 404, 422, 503))
    async def switch_template(
        template_key: Annotated[TemplateKey, Path()], wanted: Annotated[Switch, Body()]
    ) -> Switched:
        """Let a template be requested, or not (development profile only)."""
        _known(control, template_key)
        await _switch(
            settings,
            control,
            publisher,
            TemplateSwitched(template_key=template_key, enabled=wanted.enabled, switched_at=clock()),
        )
        return Switched(name=template_key, enabled=wanted.enabled)

    @router.get("/v1/flags", tags=["catalog"])
    async def list_flags() -> Flags:
        """Every feature flag, as it is now."""
        return Flags(flags={name: control.flag(name) for name in FLAGS})

    @router.put("/v1/flags/{name}", tags=["catalog"], responses=documented(400, 403, 404, 422, 503))
    async def switch_flag(name: Annotated[str, Path(max_length=100)], wanted: Annotated[Switch, Body()]) -> Switched:
        """Switch a feature flag (development profile only); it beats the environment."""
        if name not in FLAGS:
            raise Refusal(404, "flag.unknown", f"There is no such flag: the flags are {', '.join(FLAGS)}.")
        await _switch(settings, control, publisher, FlagSet(name=name, enabled=wanted.enabled, set_at=clock()))
        return Switched(name=name, enabled=wanted.enabled)

    return router


def trigger_routes(
    settings: Settings,
    control: ControlView,
    publisher: Publisher,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> APIRouter:
    """Triggers and schedules: what is declared, and in the development profile the switches."""
    router = APIRouter()

    @router.get("/v1/triggers", tags=["catalog"])
    async def list_triggers() -> TriggerPage:
        """What happens after an event or at certain times: every declared trigger and schedule."""
        known = control.triggers
        return TriggerPage(triggers=tuple(_trigger(control, known[name]) for name in sorted(known)))

    @router.put("/v1/triggers/{name}", tags=["catalog"], responses=documented(400, 403, 404, 422, 503))
    async def switch_trigger(name: Annotated[TriggerName, Path()], wanted: Annotated[Switch, Body()]) -> Switched:
        """Let a trigger or schedule act, or not (development profile only); it beats its file."""
        announced = control.triggers.get(name)
        if announced is None:
            raise Refusal(404, "trigger.unknown", f"Trigger is unknown: {name} (GET /v1/triggers lists them)")
        same = control.trigger_enabled(announced) == wanted.enabled
        since = control.trigger_since(announced) if same else clock()
        await _switch(
            settings, control, publisher, TriggerSwitched(name=name, enabled=wanted.enabled, switched_at=since)
        )
        return Switched(name=name, enabled=wanted.enabled)

    return router


async def _switch(
    settings: Settings,
    control: ControlView,
    publisher: Publisher,
    message: FlagSet | TemplateSwitched | TriggerSwitched,
) -> None:
    if settings.profile != "development":
        raise Refusal(
            403,
            "profile.production",
            "Switching over HTTP is disabled outside the development profile (JOBFORGE_PROFILE): anybody could, "
            "as there is no authentication yet.",
        )
    try:
        await announce(publisher, message)
    except (NotWritten, OutcomeUnknown) as error:
        raise unwritten(error, None) from error
    control.apply(message.key, message.to_bytes())  # so that a read right after this answer sees it


def _known(control: ControlView, template_key: str) -> TemplateAnnounced:
    found = control.templates.get(template_key)
    if found is None:
        raise Refusal(404, "template.unknown", f"Template is unknown: {template_key} (GET /v1/templates lists them)")
    return found


def _entry(control: ControlView, template: TemplateAnnounced) -> CatalogEntry:
    enabled = control.template_enabled(template.template_key)
    return CatalogEntry.model_validate({**template.model_dump(), "enabled": enabled})


def _trigger(control: ControlView, announced: TriggerAnnounced) -> TriggerEntry:
    return TriggerEntry.model_validate(
        {
            **announced.model_dump(),
            "enabled": control.flag(TRIGGERS) and control.trigger_enabled(announced),
            "since": control.trigger_since(announced),
            "last_tick": control.last_tick(announced.name),
        }
    )
