"""A page in a browser reaches nothing that a scan may not: no private address, no file, no other target."""

import asyncio
import socket
from dataclasses import replace
from typing import Any

import httpx
import pytest

from jobforge.autopilot.scanning.browser import Browser
from jobforge.testkit.sites import Reply, serving

SEARCHING = """<!doctype html><html lang="en"><head><title>Shop</title>
<meta http-equiv="refresh" content="0;url=%(there)s/m">
<link rel="stylesheet" href="%(there)s/s.css"><link rel="preload" as="image" href="%(there)s/p.png">
<link rel="prefetch" href="%(there)s/f"><link rel="dns-prefetch" href="%(there)s/">
<link rel="preconnect" href="%(there)s/">
<style>body { background: url(%(there)s/b.png) } @font-face { font-family: F; src: url(%(there)s/f.woff2) }</style>
<script src="%(there)s/s.js"></script></head><body><main><h1 style="font-family: F">Shop</h1>
<img src="%(there)s/i.png" alt=""><img src="/away" alt=""><img src="/away-twice" alt=""><img src="/lamp.webp" alt="">
<iframe title="a" src="%(there)s/frame"></iframe><iframe title="b" src="/away"></iframe>
<iframe title="c" src="file:///etc/hostname"></iframe>
<object data="%(there)s/o"></object><video src="%(there)s/v"></video>
<form id="form" method="post" action="%(there)s/form"></form>
<script>
const there = '%(there)s', tried = what => { try { Promise.resolve(what()).catch(() => 0) } catch (error) {} };
tried(() => fetch(there + '/get', {mode: 'no-cors'})); tried(() => fetch('/away', {mode: 'no-cors'}));
tried(() => fetch(there + '/post', {method: 'POST', mode: 'no-cors', body: 'x'}));
tried(() => fetch('/own-post', {method: 'POST', body: 'x'}));
tried(() => navigator.sendBeacon(there + '/beacon', 'x'));
tried(() => new WebSocket(there.replace('http', 'ws') + '/socket'));
tried(() => new EventSource(there + '/events')); tried(() => window.open(there + '/window'));
tried(() => navigator.serviceWorker.register('/worker.js'));
tried(() => new Worker(URL.createObjectURL(new Blob([`fetch('${there}/worker', {mode: 'no-cors'})`]))));
tried(() => { const peer = new RTCPeerConnection({iceServers: [{urls: 'stun:127.0.0.1:%(udp)d'},
  {urls: 'turn:127.0.0.1:%(tcp)d?transport=tcp', username: 'a', credential: 'b'}]});
  peer.createDataChannel('a'); peer.createOffer().then(offer => peer.setLocalDescription(offer)) });
tried(() => form.submit()); setTimeout(() => { location.href = there + '/location' }, 50);
</script></main></body></html>"""


@pytest.mark.parametrize(("host", "namespaces"), [("127.0.0.1", True), ("localhost", False)])
async def test_a_page_reaches_no_address_that_the_scan_may_not(
    scan: Any, good: dict[str, Reply], chromium: Browser, host: str, namespaces: bool
) -> None:
    """Not by any element, script, redirect or navigation; nor another target that may be private, nor a file.

    Also where the system cannot take the browser's network away, and its flags alone have to.
    """
    chromium = replace(chromium, sandboxed=chromium.sandboxed and namespaces)
    with (
        serving({}) as forbidden,
        serving({}) as other_target,
        serving(good) as site,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
        socket.create_server(("127.0.0.1", 0)) as streams,
    ):
        datagrams.bind(("127.0.0.1", 0))
        datagrams.setblocking(False)
        streams.setblocking(False)
        there = f"http://{host}:{forbidden.port}"
        ports = {"udp": datagrams.getsockname()[1], "tcp": streams.getsockname()[1]}
        page = SEARCHING % {"there": there, **ports}
        good["/"] = Reply((page + f'<img src="{other_target.url()}" alt="">').encode())
        good["/away"] = Reply(status=302, headers={"Location": f"{there}/away"})
        good["/away-twice"] = Reply(status=302, headers={"Location": "/away"})
        outputs = await scan.in_browser(site, chromium, other_target.url())
        reached = list(forbidden.asked), list(other_target.asked)
        with pytest.raises(BlockingIOError):
            datagrams.recv(1)
        with pytest.raises(BlockingIOError):
            streams.accept()
        for each in (forbidden, other_target):
            await asyncio.to_thread(httpx.get, each.url("127.0.0.1"))
            assert each.asked, "a server that records nothing would prove nothing"
    measured = outputs.checks[0].measured
    assert reached == ([], [])
    assert measured["method"].startswith("axe-core"), outputs.checks[0].findings
    assert measured["requests_refused"] >= 15
    assert {"/away", "/away-twice", "/lamp.webp"} <= {path for path, _ in site.asked}
