"""The event contracts as AsyncAPI 3: `python -m tests.contract.asyncapi > docs/asyncapi.json`.

Built from the registry in `shared.contracts.events`, so the document cannot say anything that the
code does not.
"""

import json
import sys
from typing import Any

from shared.contracts.events import known_types


def document() -> dict[str, Any]:
    """Channels (topics), messages (event types) and their schemas."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for kind, event in known_types().items():
        schema = event.model_json_schema(
            ref_template="#/components/schemas/{model}", mode="serialization"
        )
        schemas.update(schema.pop("$defs", {}))
        schemas[event.__name__] = schema
        channel = channels.setdefault(
            event.topic.replace(".", "_"), {"address": event.topic, "messages": {}}
        )
        channel["messages"][event.__name__] = {
            "name": kind,
            "contentType": "application/cloudevents+json",
            "summary": (event.__doc__ or "").strip(),
            "payload": {"$ref": f"#/components/schemas/{event.__name__}"},
        }
    for name in channels:
        operations[f"publish_{name}"] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{name}"},
        }
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Damselfly events", "version": "1"},
        "channels": channels,
        "operations": operations,
        "components": {"schemas": dict(sorted(schemas.items()))},
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(document(), ensure_ascii=False, indent=2) + "\n")
