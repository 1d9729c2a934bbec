"""Teaches ministack's IAM what it does not know of Lambda: the condition key `lambda:Principal`, by
which a role may open functions to one service only, and the actions of looking at a function
without its code (AWS service authorization reference, Lambda: AddPermission,
GetFunctionConcurrency, GetAlias)."""

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
    of_paths = iam_actions._lambda_action

    def with_looks(method, path):
        parts = [part for part in path.split("/") if part]
        if method == "GET" and parts[-1:] == ["concurrency"]:
            return "GetFunctionConcurrency"
        if method == "GET" and parts[-2:-1] == ["aliases"]:
            return "GetAlias"
        return of_paths(method, path)

    iam_actions._lambda_action = with_looks
    learned = with_principal("lambda", "lambda:AddPermission", b'{"Principal": "p"}', {})
    if learned.get("lambda:Principal") != "p":
        raise SystemExit(f"iam_conditions.py does not fit this ministack: {learned!r}")
    looks = iam_actions._lambda_action("GET", "/2019-09-30/functions/f/concurrency")
    changes = of_paths("PUT", "/2017-10-31/functions/f/concurrency")
    if (looks, changes) != ("GetFunctionConcurrency", "PutFunctionConcurrency"):
        raise SystemExit(f"iam_conditions.py does not fit this ministack: {looks!r}, {changes!r}")
