"""Makes ministack as strict about paths as AWS Step Functions.

On AWS a path that leads nowhere ends the execution with `States.Runtime`, which no Retry, Catch
or Default takes; only `IsPresent` may ask for one (Amazon States Language, "Choice State";
Step Functions Developer Guide, "Handling errors": States.ALL does not catch runtime errors).
ministack takes such a path for null.

This replaces two functions of ministack's interpreter. Which ministack they fit is known by
trying: `enforce` raises if any part of it is not as strict afterwards as it should be.
"""

from ministack.services import stepfunctions


class PathLeadsNowhere(Exception):
    """Not one of the interpreter's own errors: those it retries and catches, any other ends the
    execution with States.Runtime."""


def _walk(path, data):
    """What is at the path, or a `PathLeadsNowhere`."""
    if path in ("$", "$$") or not path.startswith("$"):
        return data
    tokens = stepfunctions._parse_jsonpath_tokens(path)
    if tokens is None or any(kind == "wildcard" for kind, _ in tokens):
        # None of our definitions has one; what AWS makes of an empty projection is not known here.
        raise PathLeadsNowhere(f"The JSONPath '{path}' is not understood")
    for kind, step in tokens:
        is_there = (
            isinstance(data, dict) and step in data
            if kind == "field"
            else isinstance(data, list) and step < len(data)
        )
        if not is_there:
            raise PathLeadsNowhere(f"Invalid path '{path}': The choice state or field references a value that is not there")
        data = data[step]
    return data


def enforce():
    """Replaces path lookup and the evaluation of choice rules, and checks that it took."""
    lenient_rule = stepfunctions._evaluate_rule

    def strict_rule(rule, data, ctx=None):
        if "IsPresent" not in rule:
            return lenient_rule(rule, data, ctx)
        try:
            stepfunctions._resolve_path_or_ctx(rule["Variable"], data, ctx)
        except PathLeadsNowhere:
            return not rule["IsPresent"]
        return rule["IsPresent"]

    stepfunctions._resolve_path = _walk
    stepfunctions._evaluate_rule = strict_rule
    _check()


# The operators that compare a value, each with an operand.
_OPERATORS = {
    "StringEquals": "a", "StringMatches": "a*", "StringLessThan": "a", "StringEqualsPath": "$.there",
    "NumericEquals": 1, "NumericGreaterThan": 1, "NumericEqualsPath": "$.there",
    "BooleanEquals": True, "TimestampEquals": "2026-01-01T00:00:00Z",
    "IsNull": True, "IsString": True, "IsNumeric": True, "IsBoolean": True, "IsTimestamp": True,
}


def _check():
    data = {"there": None, "list": [1], "in": {"ner": "x"}}
    ctx = {"QueryLanguage": "JSONPath", "Execution": {"Name": "e"}}

    def choice(rule):
        state = {"Type": "Choice", "Choices": [{**rule, "Next": "Rule"}], "Default": "Default"}
        return stepfunctions._execute_choice(state, data, ctx)[1]

    missing = {"Variable": "$.missing"}
    for operator, operand in _OPERATORS.items():
        _dies(choice, {**missing, operator: operand})
        _dies(choice, {"Not": {**missing, operator: operand}})
    _is("Default", choice({**missing, "IsPresent": True}))
    _is("Rule", choice({**missing, "IsPresent": False}))
    _is("Rule", choice({"Variable": "$.there", "IsPresent": True}))
    _is("Rule", choice({"Variable": "$.there", "IsNull": True}))
    asked = [{**missing, "IsPresent": True}, {**missing, "IsString": True}]
    _is("Default", choice({"And": asked}))
    _dies(choice, {"And": asked[::-1]})
    for state in (
        {"InputPath": "$.missing"},
        {"OutputPath": "$.missing"},
        {"Parameters": {"a.$": "$.in.missing"}},
        {"Parameters": {"a": {"b.$": "$$.Execution.Input.missing"}}},
        {"Parameters": {"a.$": "States.Format('{}', $.missing)"}},
        {"Parameters": {"a.$": "$.list[1]"}},
    ):
        _dies(stepfunctions._execute_pass, {**state, "End": True}, data, ctx)
    _dies(stepfunctions._execute_wait, {"SecondsPath": "$.missing", "End": True}, data, ctx)
    _dies(stepfunctions._fail_state_error, {"ErrorPath": "$.missing"}, data, ctx)
    output, _ = stepfunctions._execute_pass(
        {"Parameters": {"a.$": "$.in.ner", "b.$": "$$.Execution.Name", "c.$": "$.list[0]", "d.$": "$.there"}, "End": True},
        data,
        ctx,
    )
    _is({"a": "x", "b": "e", "c": 1, "d": None}, output)
    # What the interpreter retries and catches must not include it.
    _is(False, issubclass(PathLeadsNowhere, stepfunctions._ExecutionError))


def _dies(function, *arguments):
    try:
        outcome = function(*arguments)
    except PathLeadsNowhere:
        return
    raise SystemExit(
        f"strict_step_functions.py does not fit this ministack: {arguments[0]} gave {outcome!r}"
        " although its path leads nowhere"
    )


def _is(expected, found):
    if found != expected:
        raise SystemExit(
            f"strict_step_functions.py does not fit this ministack: {found!r} instead of {expected!r}"
        )
