"""A stand-in for wandb's server on this machine: as much of its protocol as online runs, sweeps and reading runs back use.

It proves the protocol that wandb 0.31's client speaks, not a real server. What it was sent is kept by run.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ENTITY = {"id": "e", "name": "ent"}
KEY = "0" * 40
_VERSIONS = {"cliVersionInfo": {"max_cli_version": "9.9.9"}, "latestLocalVersionInfo": None, "features": []}


@dataclass
class Received:
    """Of one run."""

    name: str
    project: str
    fields: dict[str, Any] = field(default_factory=dict)  # displayName, groupName, jobType, tags
    config: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    exit_code: int | None = None
    files: set[str] = field(default_factory=set)


class Standin:
    def __init__(self) -> None:
        self.runs: dict[str, Received] = {}
        self.artifacts: list[dict[str, Any]] = []  # input of every createArtifact
        self.used: list[str] = []  # names of artifacts that a run used
        self.unknown: list[str] = []  # queries that were answered with nothing
        self.sweeps: dict[str, list[dict[str, Any]]] = {}  # id -> arguments that are still to be run
        self.sweep_configs: dict[str, str] = {}
        self.bodies: dict[str, bytes] = {}
        self.url = ""
        self._started = 0  # runs that an agent was given
        self._lock = threading.Lock()

    def answer(self, name: str, query: str, given: dict[str, Any]) -> dict[str, Any]:
        """The data of a GraphQL answer."""
        with self._lock:
            if "upsertBucket" in query:
                return self._upsert(given)
            if "upsertSweep" in query:
                return self._sweep(given)
            if "createAgent" in query:
                return {"createAgent": {"agent": {"id": "agent"}}}
            if "agentHeartbeat" in query:
                return {"agentHeartbeat": {"agent": {"id": "agent"}, "commands": json.dumps(self._commands(given))}}
            if "createRunFiles" in query:
                names = given.get("files", [])
                files = [{"name": file, "uploadUrl": f"{self.url}/up/{given['run']}/{file}"} for file in names]
                return {"createRunFiles": {"runID": "B", "uploadHeaders": [], "files": files}}
            if "createArtifactFiles" in query:
                wanted = given.get("input", given).get("artifactFiles", given.get("artifactFiles", []))
                nodes = [{"node": self._artifact_file(file["name"])} for file in wanted]
                return {"createArtifactFiles": {"files": {"edges": nodes}}}
            if "createArtifactManifest" in query:
                file = {"id": "f", "displayName": "m", "uploadUrl": f"{self.url}/up/manifest", "uploadHeaders": []}
                return {"createArtifactManifest": {"artifactManifest": {"id": "M", "file": file | {"name": "m"}}}}
            if "useArtifact" in query:
                number = int(given.get("input", given)["artifactID"].removeprefix("A"))
                self.used.append(self.artifacts[number - 1]["artifactCollectionName"])
                return {"useArtifact": {"artifact": {"id": "A"}}}
            if "createArtifact(" in query:
                self.artifacts.append(given.get("input", given))
                number = f"A{len(self.artifacts)}"
                sequence = {"id": "S", "latestArtifact": None}
                made = {"id": number, "state": "PENDING", "artifactSequence": sequence}
                return {"createArtifact": {"artifact": made}}
            if "commitArtifact" in query:
                return {"commitArtifact": {"artifact": {"id": "A", "digest": "d"}}}
            if name == "ArtifactByID":
                return {"artifact": self._artifact(int(given["id"].removeprefix("A")))}
            if name == "ArtifactType":
                return {"project": None}  # none of that name yet
            if "viewer" in query:
                viewer = {"id": "u", "entity": "ent", "username": "u", "email": "u", "admin": False, "flags": "{}"}
                return {"viewer": viewer | {"teams": {"edges": []}}, "serverInfo": _VERSIONS}
            if "serverInfo" in query:
                return {"serverInfo": _VERSIONS}
            if "runs(" in query:
                return {"project": self._runs(given)}
            if "sweep(" in query:
                return self._read_sweep(given)
            if name == "RunResumeStatus":
                return {"model": {"id": "P", "name": "tfg", "entity": ENTITY, "bucket": None}}
            self.unknown.append(name)
            return {"model": None, "project": None}

    def streamed(self, run: str, body: dict[str, Any]) -> None:
        """A part of a run's history, summary and end."""
        with self._lock:
            kept = self.runs[run]
            for name, part in body.get("files", {}).items():
                lines = (
                    [json.loads(line) for line in part["content"]]
                    if name.endswith(("history.jsonl", "summary.json"))
                    else []
                )
                if name.endswith("history.jsonl"):
                    kept.history += lines
                elif lines:
                    kept.summary = lines[-1]
            if body.get("complete"):
                kept.exit_code = body.get("exitcode")

    def _upsert(self, given: dict[str, Any]) -> dict[str, Any]:
        name = given.get("name") or f"run{len(self.runs)}"
        kept = self.runs.setdefault(name, Received(name=name, project=given.get("project") or "tfg"))
        for key in ("displayName", "groupName", "jobType", "tags", "sweep"):
            if given.get(key) is not None:
                kept.fields[key] = given[key]
        if given.get("config"):
            kept.config = {key: entry["value"] for key, entry in json.loads(given["config"]).items() if key != "_wandb"}
        if given.get("summaryMetrics"):
            kept.summary = json.loads(given["summaryMetrics"])
        project = {"id": "P", "name": kept.project, "entity": ENTITY}
        shown = {"displayName": kept.fields.get("displayName") or name, "description": "", "historyLineCount": 0}
        bucket = {"id": f"B{name}", "name": name, "config": "{}", "sweepName": given.get("sweep"), "project": project}
        return {"upsertBucket": {"bucket": bucket | shown, "inserted": True}}

    def _artifact_file(self, name: str) -> dict[str, Any]:
        upload = {"uploadUrl": f"{self.url}/up/artifact/{name}", "uploadHeaders": [], "uploadMultipartUrls": None}
        return {"id": "f", "name": name, "displayName": name, "storagePath": "x", "artifact": {"id": "A"}, **upload}

    def _artifact(self, number: int) -> dict[str, Any]:
        """As the client reads it back after it was made."""
        made = self.artifacts[number - 1]
        project = {"id": "P", "internalId": "1", "name": "tfg", "entity": ENTITY}
        collection = {"__typename": "ArtifactSequence", "name": made["artifactCollectionName"], "project": project}
        facts = {"digest": made["digest"], "metadata": made.get("metadata"), "description": None, "state": "COMMITTED"}
        counts = {
            "versionIndex": 0,
            "size": 0,
            "fileCount": 0,
            "historyStep": None,
            "commitHash": "c",
            "ttlDurationSeconds": -1,
        }
        times = {"createdAt": "2026-01-01T00:00:00", "updatedAt": None, "ttlIsInherited": True}
        rest = {
            "tags": [],
            "aliases": [],
            "digestAlgorithm": "MANIFEST_MD5",
            "artifactType": {"name": made["artifactTypeName"]},
        }
        whole = {"__typename": "Artifact", "id": f"A{number}", "artifactSequence": collection}
        return {**whole, **facts, **counts, **times, **rest}

    def _sweep(self, given: dict[str, Any]) -> dict[str, Any]:
        name = f"sweep{len(self.sweep_configs)}"
        self.sweep_configs[name] = given["config"]
        project = {"id": "P", "name": "tfg", "entity": ENTITY}
        return {"upsertSweep": {"sweep": {"name": name, "project": project}, "configValidationWarnings": []}}

    def _read_sweep(self, given: dict[str, Any]) -> dict[str, Any]:
        name = given.get("sweep", "sweep0")
        sweep = {"id": "S", "name": name, "state": "RUNNING", "config": self.sweep_configs.get(name, "")}
        rest = {
            "method": "grid",
            "description": "",
            "createdAt": "",
            "heartbeatAt": "",
            "updatedAt": "",
            "earlyStopJobRunCount": 0,
        }
        more = {"controller": None, "scheduler": None, "bestLoss": None, "runs": {"edges": []}, "user": None}
        return {"project": {"id": "P", "name": "tfg", "entity": ENTITY, "sweep": sweep | rest | more}}

    def _commands(self, given: dict[str, Any]) -> list[dict[str, Any]]:
        """The next run of the sweep that is under way, one at a time; `exit` when none is left."""
        if json.loads(given.get("runState") or "{}"):
            return []
        for name, left in self.sweeps.items():
            if left:
                values = {key: {"value": value} for key, value in left.pop(0).items()}
                self._started += 1
                return [{"type": "run", "run_id": f"{name}-run{self._started}", "args": values, "program": "run.py"}]
        return [{"type": "exit"}]

    def _runs(self, given: dict[str, Any]) -> dict[str, Any]:
        edges = []
        for kept in self.runs.values():
            config = {key: {"value": value} for key, value in kept.config.items()}
            node = {
                "id": kept.name,
                "name": kept.name,
                "displayName": kept.fields.get("displayName", kept.name),
                "group": kept.fields.get("groupName"),
                "jobType": kept.fields.get("jobType"),
                "tags": kept.fields.get("tags", []),
                "state": "finished",
                "config": json.dumps(config),
                "systemMetrics": "{}",
                "summaryMetrics": json.dumps(kept.summary),
                "historyLineCount": len(kept.history),
                "createdAt": "2026-01-01T00:00:00",
                "heartbeatAt": "2026-01-01T00:00:00",
                "readOnly": False,
                "commit": None,
                "description": "",
                "notes": "",
                "sweepName": None,
                "projectId": "1",
                "user": {"name": "u", "username": "u"},
            }
            edges.append({"node": node, "cursor": "c"})
        page = {"endCursor": None, "hasNextPage": False}
        return {
            "internalId": "1",
            "runCount": len(edges),
            "readOnly": False,
            "runs": {"edges": edges, "pageInfo": page},
        }


@contextmanager
def standin() -> Iterator[Standin]:
    """The server on a free port of 127.0.0.1."""
    state = Standin()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments: Any) -> None:
            pass

        def do_GET(self) -> None:
            self._send({})

        def do_PUT(self) -> None:
            body = self._body()
            run, _, name = self.path.removeprefix("/up/").partition("/")
            state.bodies[f"{run}/{name}"] = body
            if run in state.runs:
                state.runs[run].files.add(name)
            self._send({})

        def do_POST(self) -> None:
            content = self._body()
            if self.path.startswith("/sdk/otel/"):  # counts of the client's own calls, not JSON
                return self._send({})
            body = json.loads(content or b"{}")
            if (found := re.search(r"/files/[^/]+/[^/]+/([^/]+)/file_stream", self.path)) is not None:
                state.streamed(found[1], body)
                return self._send({"exitcode": None, "limits": {}})
            query = body.get("query", "")
            name = re.search(r"(?:query|mutation)\s+(\w+)", query)
            return self._send({"data": state.answer(name[1] if name else "", query, body.get("variables") or {})})

        def _body(self) -> bytes:
            if self.headers.get("transfer-encoding") == "chunked":
                raw = b""
                while size := int(self.rfile.readline(), 16):
                    raw += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
            else:
                raw = self.rfile.read(int(self.headers.get("content-length") or 0))
            return gzip.decompress(raw) if self.headers.get("content-encoding") == "gzip" else raw

        def _send(self, answer: dict[str, Any]) -> None:
            text = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that has gone is no news; what went wrong in here is."""
            error = sys.exception()
            if not isinstance(error, ConnectionError):
                state.unknown.append(repr(error))

    server = Server(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def login(state: Standin, home: Path) -> dict[str, str]:
    """Environment of a wandb that knows this server alone, with folders of its own."""
    home.mkdir(exist_ok=True)
    folders = {
        key: str(home / key.lower()) for key in ("WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR", "WANDB_DIR")
    }
    for folder in folders.values():
        Path(folder).mkdir(exist_ok=True)
    return {
        "WANDB_BASE_URL": state.url,
        "WANDB_API_KEY": KEY,
        "NETRC": str(home / "netrc"),
        "WANDB_SILENT": "true",
        **folders,
    }
