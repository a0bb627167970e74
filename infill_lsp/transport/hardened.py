"""pygls's protocol class, made fit for clients that crash, lie and hurry: the only code that knows its private names.

What pygls 2.1 leaves to chance is decided here. Every request gets exactly one answer, with a JSON-RPC error code and
no traceback when it fails. Messages that make no sense are refused, not shown to the user. Nothing is kept for a
message that was dealt with. A request sees the documents as they were when it arrived. pygls's own document store is
left out: it splits lines at characters that no editor splits at, so its edits land in wrong places.
It knows no thread and no file descriptor (see `transport`), and no document.
"""

from __future__ import annotations

import contextvars
import inspect
import json
import logging
from collections.abc import Callable, Iterable
from typing import Any

from lsprotocol import converters, types
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams
from pygls.protocol import JsonRPCNotification, JsonRPCRequestMessage, JsonRPCResponseMessage
from pygls.protocol.language_server import LanguageServerProtocol, _prepare_command_arguments, lsp_method

_log = logging.getLogger(__name__)

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
SERVER_NOT_INITIALIZED = -32002

_MAX_MESSAGE_CHARS = 300

_arrival: contextvars.ContextVar[Any] = contextvars.ContextVar("arrival", default=None)


def at_arrival() -> Any:
    """Return what `Protocol.remember` returned when the request that is being handled arrived."""
    return _arrival.get()


def converter() -> Any:
    """Make the converter of wire types; what has no wire type of its own keeps its parameters as plain JSON values."""
    made = converters.get_converter()
    made.register_structure_hook(
        JsonRPCRequestMessage, lambda m, _: JsonRPCRequestMessage(m["id"], m["method"], m["jsonrpc"], m.get("params"))
    )
    made.register_structure_hook(
        JsonRPCNotification, lambda m, _: JsonRPCNotification(m["method"], m["jsonrpc"], m.get("params"))
    )
    made.register_structure_hook(
        JsonRPCResponseMessage, lambda m, _: JsonRPCResponseMessage(m["id"], m["jsonrpc"], m.get("result"))
    )
    return made


class Protocol(LanguageServerProtocol):
    """One client's conversation. `receive` takes one message; answers go to what `send_with` was given."""

    # Documents belong to our own session: without these built-in features pygls hands the notifications to us alone.
    lsp_text_document__did_open = None  # type: ignore[assignment]
    lsp_text_document__did_change = None  # type: ignore[assignment]
    lsp_text_document__did_close = None  # type: ignore[assignment]
    lsp_notebook_document__did_open = None  # type: ignore[assignment]
    lsp_notebook_document__did_change = None  # type: ignore[assignment]
    lsp_notebook_document__did_close = None  # type: ignore[assignment]

    def __init__(self, server: Any, wire_converter: Any) -> None:
        super().__init__(server, wire_converter)
        self._send: Callable[[bytes], None] = lambda data: None
        self._num_asked = 0
        self.remember: Callable[[Any], object] = lambda params: None
        """Called with a request's parameters when it arrives; `at_arrival` returns the value to its handler."""
        self.exited: Callable[[int], None] = lambda status: None
        """Called with the exit status when the client asks the server to exit."""

    def encoding(self) -> str:
        """How this client counts characters: "utf-8", "utf-16" or "utf-32"."""
        return str(getattr(self.workspace.position_encoding, "value", self.workspace.position_encoding))

    @property
    def num_in_flight(self) -> int:
        """How many requests, of either side, have no answer yet."""
        return len(self._request_futures)

    def client_process(self) -> int | None:
        """Return the id of the client's process, when the client told it."""
        return self._server.process_id

    def send_with(self, write: Callable[[bytes], None]) -> None:
        """Send everything through `write`, which must not block."""
        self._send = write

    def receive(self, body: bytes) -> None:
        """Deal with one message as it came from the client. Never raises."""
        try:
            message = json.loads(body)
        except (ValueError, RecursionError):
            return self.refuse(None, PARSE_ERROR, "the message is not valid JSON in UTF-8")
        if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
            return self.refuse(_id_of(message), INVALID_REQUEST, "the message is not a JSON-RPC 2.0 object")
        try:
            if not isinstance(message.get("method"), str):
                self._receive_response(message)
            elif "id" in message:
                self._receive_request(message)
            else:
                self._receive_notification(message)
        except Exception:
            # The last line of defence for pygls itself: whatever a client sends, the next message is served.
            _log.exception("a message could not be handled")
        return None

    def refuse_oversized(self, num_bytes: int) -> None:
        """Answer a message that was too long to be read."""
        self.refuse(None, INVALID_REQUEST, f"a message of {num_bytes:,} bytes is too long")

    def refuse(self, request_id: int | str | None, code: int, why: str) -> None:
        """Answer with an error; an id of None stands for a message whose id is not known."""
        error = {"code": code, "message": why[:_MAX_MESSAGE_CHARS]}
        self._send_data({"jsonrpc": "2.0", "id": request_id, "error": error})

    def _receive_request(self, message: dict[str, Any]) -> None:
        request_id, method = _id_of(message), message["method"]
        if request_id is None:
            return self.refuse(None, INVALID_REQUEST, "a request's id is a whole number or a text")
        if self._shutdown:
            return self.refuse(request_id, INVALID_REQUEST, "the server has been shut down")
        if self._workspace is None and method != types.INITIALIZE:
            return self.refuse(request_id, SERVER_NOT_INITIALIZED, "the server waits for initialize")
        if self._workspace is not None and method == types.INITIALIZE:
            return self.refuse(request_id, INVALID_REQUEST, "the server is initialized already")
        if request_id in self._request_futures:
            return self.refuse(request_id, INVALID_REQUEST, "a request with this id has no answer yet")
        try:
            params = self._structured(message, JsonRPCRequestMessage).params
        except Exception as error:
            return self.refuse(request_id, INVALID_PARAMS, f"invalid parameters for {method}: {_cause(error)}")
        return contextvars.copy_context().run(self._handle_request, request_id, method, params)

    def _receive_notification(self, message: dict[str, Any]) -> None:
        method = message["method"]
        if method != types.EXIT and (self._workspace is None or self._shutdown):
            return
        try:
            params = self._structured(message, JsonRPCNotification).params
        except Exception as error:
            _log.warning("invalid parameters for %s", method, extra={"source": _cause(error)})
            return
        contextvars.copy_context().run(self._handle_notification, method, params)

    def _receive_response(self, message: dict[str, Any]) -> None:
        request_id = _id_of(message)
        if request_id is None or not ("result" in message or "error" in message):
            return self.refuse(request_id, INVALID_REQUEST, "the message is neither a request nor an answer")
        future = self._request_futures.get(request_id)
        result_type = self._result_types.pop(request_id, None) or JsonRPCResponseMessage
        if future is None or future.done():
            return _log.info("an answer came too late, or to no request of ours")
        try:
            if "error" in message:
                self._handle_response(
                    request_id, None, self._converter.structure(message["error"], types.ResponseError)
                )
            else:
                self._handle_response(request_id, self._converter.structure(message, result_type).result)
        except Exception as error:
            self._request_futures.pop(request_id, None)
            if not future.done():
                future.set_exception(JsonRpcException(f"the client's answer makes no sense: {_cause(error)}"))
        return None

    def _structured(self, message: dict[str, Any], fallback: type) -> Any:
        """Turn a message into its wire type. Raises whatever the converter raises."""
        message.setdefault("params", None)
        return self._converter.structure(message, self.get_message_type(message["method"]) or fallback)

    def prepare(self, methods: Iterable[str], answers: Iterable[object]) -> None:
        """Let the converter write its code for messages and such answers now: the first of each would wait for it."""
        for method in methods:
            if (wire_type := self.get_message_type(method)) is not None:
                self._converter.get_structure_hook(wire_type)
        for answer in answers:
            self._converter.unstructure(answer)

    def _handle_request(self, msg_id: Any, method_name: str, params: Any) -> None:
        try:
            _arrival.set(self.remember(params))
        except Exception:
            # Outside pygls's own guard: without this the request would never be answered.
            _log.exception("nothing could be remembered for %s", method_name)
            _arrival.set(None)
        super()._handle_request(msg_id, method_name, params)

    def _execute_handler(self, msg_id: Any, handler: Any, callback: Any, args: Any = None, kwargs: Any = None) -> None:
        """Run a handler, and forget its future once it is done: pygls keeps one for every notification."""
        super()._execute_handler(msg_id, handler, callback, args, kwargs)
        if (future := self._request_futures.get(msg_id)) is not None:
            future.add_done_callback(lambda done: self._forget(msg_id, done))

    def _forget(self, msg_id: Any, done: Any) -> None:
        if self._request_futures.get(msg_id) is done:
            del self._request_futures[msg_id]

    def notify(self, method: str, params: Any = None) -> None:
        """Tell the client something; what is plain values goes out as it is."""
        if isinstance(params, dict):
            self._send_data({"jsonrpc": "2.0", "method": method, "params": params})
        else:
            super().notify(method, params)

    async def send_request_async(self, method: str, params: Any = None, msg_id: Any = None) -> Any:
        """Ask the client. When the caller stops waiting, nothing of the question is kept."""
        self._num_asked += 1
        msg_id = msg_id or f"infill-{self._num_asked}"
        try:
            return await super().send_request_async(method, params, msg_id)
        finally:
            self._request_futures.pop(msg_id, None)
            self._result_types.pop(msg_id, None)

    def _send_response(self, msg_id: Any, result: Any = None, error: Any = None) -> None:
        """Answer a request. What pygls puts beside an error is dropped: it holds tracebacks and paths."""
        if error is not None:
            return self.refuse(msg_id, error.code, error.message)
        try:
            answer = json.dumps({"jsonrpc": "2.0", "id": msg_id, "result": self._converter.unstructure(result)})
        except Exception:
            _log.exception("an answer could not be written as JSON")
            return self.refuse(msg_id, INTERNAL_ERROR, "the server's answer could not be written as JSON")
        return self._write(answer)

    def _send_data(self, data: Any) -> None:
        self._write(json.dumps(data, default=self._serialize_message))

    def _write(self, text: str) -> None:
        body = text.encode()
        self._send(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    @lsp_method(types.WORKSPACE_EXECUTE_COMMAND)
    async def lsp_workspace__execute_command(self, params: types.ExecuteCommandParams) -> Any:  # type: ignore[override]
        """Run a command within its request; pygls runs it beside, where cancelling the request leaves it running."""
        if (command := self.fm.commands.get(params.command)) is None:
            raise JsonRpcInvalidParams(f"there is no command {params.command}")
        try:
            arguments, options = _prepare_command_arguments(command, params, self._converter)
        except Exception as error:
            raise JsonRpcInvalidParams(f"invalid arguments for {params.command}: {_cause(error)}") from None
        result = command(*arguments, **options)
        return await result if inspect.isawaitable(result) else result

    @lsp_method(types.SHUTDOWN)
    def lsp_shutdown(self, *_: object) -> None:  # type: ignore[override]  # a plain function is enough
        """Cancel what is in flight and serve no more requests; pygls changes the table while it walks it."""
        for request_id, future in list(self._request_futures.items()):
            if request_id != self.msg_id:
                future.cancel()
        self._shutdown = True

    @lsp_method(types.EXIT)
    def lsp_exit(self, *_: object) -> None:  # type: ignore[override]
        """Say that the client is done; pygls would end the process from inside a callback."""
        self.exited(0 if self._shutdown else 1)


def _id_of(message: object) -> int | str | None:
    """Return a message's id when it has one that an answer can carry."""
    request_id = message.get("id") if isinstance(message, dict) else None
    return request_id if isinstance(request_id, (int, str)) and not isinstance(request_id, bool) else None


def _cause(error: BaseException) -> str:
    """Name the innermost cause in one line: the converter wraps a wrong field in one group of errors a level."""
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    if isinstance(error, KeyError):
        return f"{error} is missing"
    return (str(error).splitlines() or [""])[0] or type(error).__name__
