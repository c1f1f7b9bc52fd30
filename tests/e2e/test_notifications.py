"""What a crash may cost whoever is told something: the same key twice, never another one and never none."""

import asyncio
from collections import Counter

from jobforge.testkit.far_sides import mail_server, web_server
from jobforge.testkit.running import Running, Start
from jobforge.testkit.waiting import until

EACH = 20


async def test_kill_9_between_the_far_sides_answer_and_our_record_shows_each_message_once_by_its_key(
    running: Start,
) -> None:
    """Mail and webhooks are taken, the worker dies before it hears so: what comes again bears the same key."""
    with mail_server() as mailbox, web_server() as hooks:
        settings = {
            "JOBFORGE_SETTLER_SMTP_HOST": "127.0.0.1",
            "JOBFORGE_SETTLER_SMTP_PORT": str(mailbox.port),
            "JOBFORGE_SETTLER_SMTP_SECURITY": "none",
            "JOBFORGE_SETTLER_SMTP_SENDER": "plane@jobforge.example",
            "JOBFORGE_SETTLER_WEBHOOK_PRIVATE_HOSTS": hooks.authority,
        }
        async with running("ingestion", "manifest", "settler", "scheduler", **settings) as plane:
            mailbox.answering.clear()
            hooks.answering.clear()
            mails = [await ask(plane, "email", "ada@example.com", number) for number in range(EACH)]
            posts = [await ask(plane, "webhook", hooks.url, number) for number in range(EACH)]
            await until(lambda: bool(mailbox.mails and hooks.received), timeout=60)
            plane.services["settler"].kill()
            unheard = {*mailbox.ids, *hooks.keys}
            mailbox.answering.set()
            hooks.answering.set()
            await plane.services.start("settler")

            ids = [*mails, *posts]
            jobs = await asyncio.gather(*(plane.client.wait(run_id, "acme", timeout=120) for run_id in ids))
            assert {job.status for job in jobs} == {"succeeded"}

        assert set(mailbox.ids) == {f"<{run_id}.send@jobforge.example>" for run_id in mails}
        assert set(hooks.keys) == {f"{run_id}:send" for run_id in posts}
        seen = Counter([*mailbox.ids, *hooks.keys])
        assert unheard <= {key for key, times in seen.items() if times > 1}
        bodies = {each.headers["idempotency-key"]: each.body for each in hooks.received}
        assert all(bodies[each.headers["idempotency-key"]] == each.body for each in hooks.received)


async def ask(plane: Running, channel: str, recipient: str, number: int) -> str:
    """Request one message; returns its run."""
    accepted = await plane.client.request_job(
        tenant_id="acme",
        template_key="settler.notification.send",
        inputs={"channel": channel, "recipient": recipient, "subject": "Done", "body": f"Message {number}"},
    )
    return str(accepted.job.id)
