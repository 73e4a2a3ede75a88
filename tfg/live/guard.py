"""Who may ask: a page that this server gave out, opened on this machine. Everybody else gets one line.

A page of another site can make a browser ask 127.0.0.1. It cannot choose the Host that the browser then names, which is its own name
also where that name was made to point here (DNS rebinding), nor hide its Origin.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import PlainTextResponse

HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
}
FOREIGN = 4403  # close code of a WebSocket of another site's page


class Guard:
    """ASGI application around another one: checks Host of all requests, Origin of those that do or open something."""

    def __init__(self, app: Any, port: int) -> None:
        self.app = app
        self.hosts = [f"127.0.0.1:{port}", f"localhost:{port}"]
        policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
            f"connect-src 'self' {' '.join(f'ws://{host}' for host in self.hosts)}; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        headers = {**HEADERS, "Content-Security-Policy": policy}
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif (refusal := self._refusal(scope)) is None:
            await self.app(scope, receive, self._with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": FOREIGN, "reason": refusal})
        else:
            await PlainTextResponse(refusal + "\n", 403)(scope, receive, self._with_headers(send))

    def _refusal(self, scope: Any) -> str | None:
        hosts, origins = (_values(scope, name) for name in (b"host", b"origin"))
        if len(hosts) != 1 or hosts[0] not in self.hosts:
            return f"refused: Host must be {' or '.join(self.hosts)}"
        if (scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD")) and origins != [
            f"http://{hosts[0]}"
        ]:
            return "refused: the Origin is not this page's"
        return None

    def _with_headers(self, send: Any) -> Any:
        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *self._headers]}
            await send(message)

        return sending


def _values(scope: Any, name: bytes) -> list[str]:
    return [value.decode("latin-1").lower() for key, value in scope["headers"] if key == name]
