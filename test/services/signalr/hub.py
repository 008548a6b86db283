"""A SignalR hub for tests, on the package aiosignalr, which shares nothing with the client under test.

    python3 hub.py PORT [OPTION=VALUE ...]

/hub is the hub. /control is for tests: POST with a JSON object, answered with a JSON object.
  send      {event, args, headers?, times?, cut?}  to every connection; nobody answers. With cut, they are broken before
  invoke    {event, args, headers?}  of the last connection that joined: {result} or {error}
  deliver   {room?, messages: [{event, args, headers?}]}  invokes each, again until it is answered with a result
  drop      {}            breaks every connection
  close     {error?, allow_reconnect?}  says goodbye to every connection by the hub protocol
  tokens    {accepted}    a list: only these bearer tokens may connect from now on; null: anybody
  state     {}            what was seen so far
In args, {"base64": text} stands for bytes.
"""

import asyncio
import base64
import contextvars
import sys

from aiohttp import web
import msgpack
from aiosignalr.errors import HubException
from aiosignalr.framing import encode_binary_message
from aiosignalr.messages import CloseMessage, CompletionMessage, InvocationMessage
from aiosignalr.protocol import MessagePackProtocol
from aiosignalr.server import Hub, ServerOptions, SignalRServer
from aiosignalr.server.transports import LongPollingServerTransport
from aiosignalr.server.aiohttp_server import _AiohttpRequest, _AiohttpSocket, build_aiohttp_app

# Invocations that wait for their results at once.
WINDOW = 200
FOREVER = 3600


class Seen:
    """What the tests ask for."""

    def __init__(self):
        self.invoked = []
        self.joined = []
        self.negotiations = 0
        self.connected = 0
        self.answers = 0
        self.refusals = 0
        self.tokens = []
        self.headers = []
        self.accepted = None


seen = Seen()
current = []
running = {}
headers_of_call = contextvars.ContextVar("headers_of_call", default=None)


class TestHub(Hub):
    """Records what clients call."""

    async def on_connected(self):
        seen.connected += 1
        current.append(self.context.connection_id)

    async def on_disconnected(self, exception):
        ctx = running["server"].lifetime.connections.get(self.context.connection_id)
        # The package leaves those who wait for a result waiting.
        for future in list(ctx._pending_client_results.values()) if ctx is not None else []:
            if not future.done():
                future.set_exception(ConnectionError("the connection is gone"))
        current.remove(self.context.connection_id)
        seen.joined = [one for one in seen.joined if one[1] != self.context.connection_id]

    async def Join(self, room) -> str:
        if room == "nobody":
            raise HubException("nobody may join this room")
        self._record("Join", room)
        await self.groups.add(str(room))
        seen.joined.append((room, self.context.connection_id))
        return "joined"

    async def Take(self, value=None, more=None) -> object:
        self._record("Take", value, more)
        return {"taken": len(seen.invoked)}

    async def Fail(self, value=None) -> str:
        self._record("Fail", value)
        raise HubException("the hub does not want it")

    async def Hang(self, value=None) -> str:
        self._record("Hang", value)
        await asyncio.sleep(FOREVER)
        return "late"

    def _record(self, method, *args):
        seen.invoked.append({"method": method, "args": [shown(one) for one in args]})
        seen.headers.append(headers_of_call.get())


def shown(value):
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    return value


def argument(value):
    if isinstance(value, dict) and list(value) == ["base64"]:
        return base64.b64decode(value["base64"])
    return value


class MapHeaders(MessagePackProtocol):
    """Completions with a map as headers: the package writes the number 0x80 there, and the client closes."""

    def write_message(self, message):
        if not isinstance(message, CompletionMessage):
            return super().write_message(message)
        head = [3, {}, message.invocation_id]
        if message.error is not None:
            tail = [1, message.error]
        else:
            tail = [3, message.result] if message.has_result else [2]
        return encode_binary_message(msgpack.packb(head + tail, use_bin_type=True))


class TypedSocket(_AiohttpSocket):
    """Sends JSON as text: the package sends it as bytes, which the JavaScript client refuses."""

    is_text = None

    async def recv(self):
        received = await super().recv()
        if self.is_text is None and received is not None:
            self.is_text = b'"messagepack"' not in received[1].split(b"\x1e")[0]
        return received

    async def send_bytes(self, data):
        # A connection that is resumed sends before it has received.
        if self.is_text or (self.is_text is None and data.endswith(b"\x1e")):
            await self._ws.send_str(data.decode())
        else:
            await self._ws.send_bytes(data)


class PromptPolling(LongPollingServerTransport):
    """Answers the first poll at once, as the client expects, and later ones before the package gives up on it."""

    is_first = True

    async def poll(self, response, *, timeout):
        if self.is_first:
            self.is_first = False
            await response.start(200, {})
            await response.finish()
            return
        await super().poll(response, timeout=timeout / 2)


sockets = set()


@web.middleware
async def front(request, handler):
    if not request.path.startswith("/hub"):
        return await handler(request)
    header = request.headers.get("Authorization", "")
    token = header.removeprefix("Bearer ") or request.query.get("access_token", "")
    if request.path.endswith("/negotiate"):
        seen.negotiations += 1
        seen.tokens.append(token)
    if seen.accepted is not None and token not in seen.accepted:
        return web.Response(status=401)
    if request.headers.get("Upgrade", "").lower() != "websocket":
        known = running["server"]._records.get(request.query.get("id"))
        if known is not None and known.lp_transport is None:
            known.lp_transport = PromptPolling()
        return await handler(request)
    # Uncompressed: tests look at what passes.
    ws = web.WebSocketResponse(max_msg_size=64 * 1024 * 1024, compress=False)
    await ws.prepare(request)
    sockets.add(request.transport)
    try:
        await running["server"].handle_websocket(_AiohttpRequest(request), TypedSocket(ws))
    finally:
        sockets.discard(request.transport)
    return ws


def invocation(message, identity=None):
    return InvocationMessage(
        target=message["event"],
        arguments=tuple(argument(one) for one in message.get("args", [])),
        invocation_id=identity,
        headers=message.get("headers") or {},
    )


async def receiver(room=None):
    """The connection that joined last, this room if one is given, or came last; waits for one."""
    while True:
        joined = [identity for name, identity in seen.joined if room in (None, name)]
        for identity in [*reversed(joined), *(reversed(current) if room is None else [])]:
            ctx = running["server"].get_connection(identity)
            if ctx is not None and ctx.protocol is not None and not ctx.closed.is_set():
                return ctx
        await asyncio.sleep(0.02)


numbers = iter(range(1, 1 << 60))


async def begin(ctx, message):
    identity = f"t{next(numbers)}"
    future = ctx.register_client_result(identity)
    try:
        await ctx.send(invocation(message, identity))
    except Exception as error:
        if not future.done():
            future.set_exception(error)
    return future


async def deliver(messages, room):
    waiting = list(messages)
    while waiting:
        ctx = await receiver(room)
        window = waiting[:WINDOW]
        futures = [await begin(ctx, message) for message in window]
        results = await asyncio.gather(*futures, return_exceptions=True)
        failed = [m for m, r in zip(window, results) if isinstance(r, BaseException)]
        seen.answers += len(window) - len(failed)
        seen.refusals += len(failed)
        waiting = failed + waiting[WINDOW:]
        if failed:
            await asyncio.sleep(0.05)
    return {}


async def control(request):
    word = request.match_info["word"]
    body = await request.json()
    server = running["server"]
    if word == "send":
        targets = [ctx for ctx in map(server.get_connection, list(current)) if ctx is not None]
        for transport in list(sockets) if body.get("cut") else []:
            transport.abort()
        for ctx in targets:
            for _ in range(body.get("times", 1)):
                await ctx.send(invocation(body))
        return web.json_response({"sent": len(targets)})
    if word == "invoke":
        try:
            result = await (await begin(await receiver(), body))
            return web.json_response({"result": shown(result)})
        except Exception as error:
            return web.json_response({"error": str(error)})
    if word == "deliver":
        return web.json_response(await deliver(body["messages"], body.get("room")))
    if word == "drop":
        for transport in list(sockets):
            transport.abort()
        return web.json_response({})
    if word == "close":
        message = CloseMessage(error=body.get("error"), allow_reconnect=body.get("allow_reconnect", False))
        for identity in list(current):
            ctx = server.get_connection(identity)
            await ctx.send(message)
            await ctx.close()
        return web.json_response({})
    if word == "tokens":
        seen.accepted = body["accepted"]
        return web.json_response({})
    if word == "state":
        return web.json_response({
            "invoked": seen.invoked,
            "joined": len(seen.joined),
            "negotiations": seen.negotiations,
            "connections": len(current),
            "connected": seen.connected,
            "answers": seen.answers,
            "refusals": seen.refusals,
            "tokens": seen.tokens,
            "headers": seen.headers,
        })
    return web.Response(status=404)


def watch_headers(server):
    """Methods of a hub are not shown them. Those of several connections run side by side: each has its own."""
    dispatch = server.dispatcher.dispatch

    async def watched(ctx, message):
        if isinstance(message, InvocationMessage):
            headers_of_call.set(message.headers)
        await dispatch(ctx, message)

    server.dispatcher.dispatch = watched


async def main():
    port, *words = sys.argv[1:]
    settings = dict(word.split("=", 1) for word in words)
    server = SignalRServer(
        TestHub,
        options=ServerOptions(
            keep_alive_interval=float(settings.get("keep_alive", 15)),
            maximum_receive_message_size=64 * 1024 * 1024,
            maximum_parallel_invocations=100,
            allow_stateful_reconnects=settings.get("stateful") == "yes",
            enable_detailed_errors=True,
            long_polling_timeout=float(settings.get("poll", 15)),
        ),
    )
    server.protocol_registry["messagepack"] = MapHeaders
    watch_headers(server)
    running["server"] = server
    server._path = "/hub"
    app = build_aiohttp_app(server, path="/hub")
    app._client_max_size = 64 * 1024 * 1024
    app.middlewares.append(front)
    app.router.add_post("/control/{word}", control)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(port)).start()
    print("ready", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
