"""Expands the SAM templates and checks what CloudFormation would get.

Usage: check_templates.py OUT_FOLDER TEMPLATE...

Linting SAM directly is shallow, so each template is expanded with the SAM translator first and
then checked with cfn-lint and cloudformation-validate, offline and without credentials. Each
state machine's definition is written to OUT_FOLDER/LOGICAL_ID.asl.json, with its substitutions
made, for asl-validator. Prints every finding; exits with 1 if there is any.
"""

import json
import pathlib
import re
import sys

import boto3
from cfnlint.api import lint
from cfnlint.config import ManualArgs
from cloudformation_validate import CompositeEngine
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

# Findings that are known, with the reason why each is none.
ACCEPTED = [
    # cfn-lint's list of IAM actions is older than these four (November 2026). That no other
    # action is misspelt is tested against the operations that the code calls.
    (r"W3037", r"'(get|set)userpool(client)?sessionconfiguration' is not one of"),
    # The empty default is never used: the condition HasAlarmTopic stands before it.
    (r"W1030", r"'AlarmTopicArn'\} default ''"),
    # An ARN, and whether a key is made: no passwords.
    (r"W2509", r"'(SecretsKeyArn|CreateSecretsKey)' appears to be a password"),
]


def expand(path):
    """The template as the transform AWS::Serverless-2016-10-31 would leave it."""
    template = yaml_parse(path.read_text())
    # `sam deploy` puts the addresses of the uploaded packages here.
    template.get("Globals", {}).get("Function", {}).pop("CodeUri", None)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://packages/package.zip"
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name="us-east-1"))
    return translator.translate(template, parameter_values={})


def definitions(template):
    """Each state machine's logical id and its definition after substitution."""
    for name, resource in template["Resources"].items():
        if resource["Type"] != "AWS::StepFunctions::StateMachine":
            continue
        properties = resource["Properties"]
        definition = json.dumps(properties["Definition"], indent=2)
        for substitution, value in properties.get("DefinitionSubstitutions", {}).items():
            service_integration = "states:::" in json.dumps(value)
            arn = "arn:aws:states:::sns:publish" if service_integration else "arn:aws:lambda:us-east-1:123456789012:function:f"
            definition = definition.replace("${%s}" % substitution, arn)
        yield name, definition


def findings(expanded, engine):
    for match in lint(expanded.read_text(), config=ManualArgs(regions=["us-east-1", "us-west-2"])):
        yield "cfn-lint", match.rule.id, match.message, "/".join(str(part) for part in match.path or [])
    for diagnostic in engine.validate_template(expanded).diagnostics:
        if diagnostic.severity.name not in ("INFO", "DEBUG"):
            where = diagnostic.entity.logical_id if diagnostic.entity else ""
            yield "cloudformation-validate", diagnostic.rule_id, str(diagnostic.message), where


def accepted(rule, message):
    return any(re.fullmatch(known, rule) and re.search(text, message) for known, text in ACCEPTED)


def main(out, *templates):
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    engine = CompositeEngine()
    found = 0
    for path in map(pathlib.Path, templates):
        template = expand(path)
        expanded = out / f"{path.stem}.json"
        expanded.write_text(json.dumps(template, indent=1))
        for name, definition in definitions(template):
            (out / f"{name}.asl.json").write_text(definition)
        for tool, rule, message, where in findings(expanded, engine):
            if not accepted(rule, message):
                found += 1
                print(f"{path.name}: {tool} {rule} at {where}: {message[:500]}")
        print(f"{path.name}: expanded to {len(template['Resources'])} resources and checked")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
