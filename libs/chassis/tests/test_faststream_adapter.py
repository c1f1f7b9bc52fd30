"""Pins what the adapter relies on inside FastStream and aiokafka: a release that changes it fails here first."""

import inspect
from importlib.metadata import version

import pytest
from aiokafka import AIOKafkaClient, AIOKafkaConsumer, TopicPartition
from aiokafka.client import ConnectionGroup
from aiokafka.conn import AIOKafkaConnection, collect_hosts
from aiokafka.consumer.fetcher import Fetcher, PartitionRecords
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import Assignment
from aiokafka.producer.sender import Sender
from faststream.kafka.publisher.producer import AioKafkaFastProducerImpl
from faststream.kafka.subscriber.usecase import DefaultSubscriber, LogicSubscriber
from faststream.middlewares import AckPolicy

from jobforge.chassis.direct_fetching import _fetched_records_now
from jobforge.chassis.faststream_adapter import LogSubscriber
from jobforge.chassis.fetch_tiers import QUIET_CONNECTION
from jobforge.chassis.kafka import Kafka
from jobforge.chassis.settings import Settings
from jobforge.chassis.telemetry import Telemetry
from jobforge.chassis.wire import Consumer, Partition
from jobforge.contracts.jobs import JobRequested


class Nothing:
    """A reader that reads nothing."""

    async def assigned(self, consumer: Consumer, partitions: frozenset[Partition]) -> None:
        """See ``Reader``."""

    async def revoked(self, consumer: Consumer, partitions: frozenset[Partition]) -> None:
        """See ``Reader``."""

    async def run(self, consumer: Consumer) -> None:
        """See ``Reader``."""

    async def drain(self, consumer: Consumer) -> None:
        """See ``Reader``."""


@pytest.fixture
def subscriber() -> LogSubscriber:
    """A registered subscriber that is not started."""
    settings = Settings(kafka_bootstrap="127.0.0.1:1")
    kafka = Kafka(settings, service="pin", telemetry=Telemetry(service="pin", version="0", endpoint=None))
    return kafka.read(Nothing(), group="g", topics=["jobforge.jobs.echo"], message=JobRequested, title="pin")


@pytest.mark.parametrize(("package", "pinned"), [("faststream", "0.7.8"), ("aiokafka", "0.14.0")])
def test_the_versions_are_those_the_adapter_was_written_for(package: str, pinned: str) -> None:
    """Another version needs this file's other tests read again, not just passed."""
    assert version(package) == pinned


def test_nothing_is_committed_by_itself(subscriber: LogSubscriber) -> None:
    """FastStream's default would commit before the work is done."""
    assert subscriber._connection_args["enable_auto_commit"] is False
    assert subscriber.ack_policy is AckPolicy.MANUAL


def test_a_cluster_named_by_several_brokers_is_not_taken_for_one_host_of_that_name() -> None:
    """FastStream splits no string, and a service would end with "Name or service not known"."""
    settings = Settings(kafka_bootstrap="one:9092,two:9093")
    kafka = Kafka(settings, service="pin", telemetry=Telemetry(service="pin", version="0", endpoint=None))
    hosts = collect_hosts(kafka.broker._connection_kwargs["bootstrap_servers"], randomize=False)
    assert [(host, port) for host, port, _ in hosts] == [("one", 9092), ("two", 9093)]


def test_a_position_that_is_not_in_the_log_is_told_and_not_passed_over(subscriber: LogSubscriber) -> None:
    """aiokafka raises these two to a poll, which goes on from the first offset, instead of going there by itself."""
    assert subscriber._connection_args["auto_offset_reset"] == "none"
    raised = inspect.getsource(Fetcher)
    assert "err = Errors.OffsetOutOfRangeError({tp: fetch_offset})" in raised
    assert "err = Errors.NoOffsetForPartitionError(tp)" in raised
    assert list(inspect.signature(Fetcher.request_offset_reset).parameters) == ["self", "tps", "strategy"]


def test_the_loop_and_the_stop_are_ours(subscriber: LogSubscriber) -> None:
    """FastStream starts ``_run_consume_loop`` only for subscribers with a call."""
    assert subscriber.calls
    assert inspect.iscoroutinefunction(DefaultSubscriber._run_consume_loop)
    assert "_run_consume_loop, (self.consumer,)" in inspect.getsource(LogicSubscriber.start)
    assert LogSubscriber.stop is not LogicSubscriber.stop


def test_the_raw_producer_is_where_the_adapter_looks() -> None:
    """``broker.config.producer._producer.producer`` is aiokafka's own."""
    assert "self._producer.producer.send(" in inspect.getsource(AioKafkaFastProducerImpl.publish)


def test_liveness_can_see_the_tasks_that_die() -> None:
    """The coordination, fetch and metadata tasks are attributes of these names."""
    assert "self._coordination_task = " in inspect.getsource(GroupCoordinator)
    assert "self._fetch_task = " in inspect.getsource(Fetcher)
    assert "self._sync_task = create_task(self._md_synchronizer())" in inspect.getsource(AIOKafkaClient)
    assert "self._coordinator = " in inspect.getsource(AIOKafkaConsumer)


def test_a_consumer_that_never_started_is_not_alive(subscriber: LogSubscriber) -> None:
    """Liveness does not take silence for health."""
    assert subscriber.problems() == ["g: not started"]


def test_a_poll_can_see_that_the_group_is_settling() -> None:
    """aiokafka's own read waits as long as this says so, whatever its time-out."""
    assert "self._subscriptions.reassignment_in_progress" in inspect.getsource(_fetched_records_now)


@pytest.mark.parametrize(
    ("relied_on", "method"),
    [
        ("await self._client.send(node_id, request)", "_proc_fetch_request"),
        ("tp_state.position != fetch_offset", "_proc_fetch_request"),
        ("self._set_error(tp, err)", "_proc_fetch_request"),
        ("assert tp not in self._records", "_set_error"),
    ],
)
def test_the_fetcher_takes_whatever_its_actions_name_for_the_broker_to_ask(relied_on: str, method: str) -> None:
    """The fetch tiers give it another thing than the broker's number, and two of them for each broker."""
    assert relied_on in inspect.getsource(getattr(Fetcher, method))


def test_what_a_fetcher_and_a_sender_run_is_what_stands_in_for_it() -> None:
    """Each is started by its name, when a consumer or a producer is."""
    assert "create_task(self._fetch_requests_routine())" in inspect.getsource(Fetcher.__init__)
    assert "register_fetch_waiters(self._fetch_waiters)" in inspect.getsource(Fetcher.__init__)
    assert "create_task(self._sender_routine())" in inspect.getsource(Sender.start)
    assert "self._requests.popleft()" in inspect.getsource(AIOKafkaConnection._handle_frame)


def test_actions_are_what_the_fetch_tiers_return() -> None:
    """Five things in this order."""
    returned = inspect.getsource(Fetcher._get_actions_per_node).rpartition("return (")[2]
    names = ["fetch_requests", "awaiting_reset", "backoff", "invalid_metadata", "resume_futures"]
    assert returned.split() == [*(f"{name}," for name in names), ")"]


async def test_an_assignment_keeps_its_partitions() -> None:
    """The fetch tiers tell by identity whether all of them are looked at."""
    assignment = Assignment({TopicPartition("runs", 0)})
    assert assignment.tps is assignment.tps


def test_the_connection_of_the_quiet_fetches_is_nobody_elses() -> None:
    """aiokafka keeps one for each group of requests, and takes any number for a group."""
    assert {int(group) for group in ConnectionGroup} == {0, 1}
    assert QUIET_CONNECTION not in {0, 1}
    assert "conn_id = (node_id, group)" in inspect.getsource(AIOKafkaClient._get_conn)


def test_what_was_fetched_is_read_by_what_stands_in_for_it() -> None:
    """The fetcher makes each by its name, and keeps what is no ``FetchResult`` until nothing else is handed out."""
    made = inspect.getsource(Fetcher._proc_fetch_request)
    for name in ("records = MemoryRecords(part_data[-1])", "PartitionRecords(", "self._records[tp] = FetchResult("):
        assert name in made
    handed_out = inspect.getsource(_fetched_records_now)
    assert "if type(res_or_error) is FetchResult:" in handed_out
    assert "if not res_or_error.has_more():" in handed_out
    assert "elif drained:" in handed_out
    assert "res_or_error.check_raise()" in handed_out
    assert "records = self._records\n" in inspect.getsource(PartitionRecords._unpack_records)
