"""Teaches ministack the condition key `lambda:Principal`, by which a role may open functions to
one service only (AWS service authorization reference, Lambda, AddPermission)."""

import json

from ministack.core import iam_actions


def teach():
    of_tags = iam_actions.request_tag_context

    def with_principal(service, iam_action, body, routing_params):
        context = of_tags(service, iam_action, body, routing_params)
        if iam_action == "lambda:AddPermission":
            context = {**context, "lambda:Principal": json.loads(body)["Principal"]}
        return context

    iam_actions.request_tag_context = with_principal
    learned = with_principal("lambda", "lambda:AddPermission", b'{"Principal": "p"}', {})
    if learned.get("lambda:Principal") != "p":
        raise SystemExit(f"iam_conditions.py does not fit this ministack: {learned!r}")
