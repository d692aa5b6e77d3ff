"""What CloudFormation would see of template.yaml: transformed as `sam deploy` does, without an account.

cfn-lint finds invalid runtimes, schedules and IAM actions only there. SAM turns a DefinitionUri into a
string, into which cfn-lint does not look, so each definition is put back as an object.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from boto3.session import Session
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

CODE = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}
MACHINE = "AWS::Serverless::StateMachine"

Json = dict[str, Any]


def parsed(path: Path) -> Json:
    """The template as written, its short-form functions as {"Ref": ...}."""
    template: Json = yaml_parse(path.read_text(encoding="utf-8"))
    return template


def transformed(path: Path) -> Json:
    """The template as CloudFormation sees it. A missing definition is an error here, as in no SAM command."""
    template = parsed(path)
    template["Globals"]["Function"].pop("CodeUri")
    definitions = {}
    for name, resource in template["Resources"].items():
        properties = resource["Properties"]
        if resource["Type"] in CODE:
            properties[CODE[resource["Type"]]] = f"s3://bucket/{name}"
        if resource["Type"] == MACHINE:
            text = (path.parent / properties.pop("DefinitionUri")).read_text(encoding="utf-8")
            definitions[name] = properties["Definition"] = json.loads(text)
    parameters = {name: each.get("Default", "unset") for name, each in template["Parameters"].items()}
    # Any Region will do: it says only which partition, and that the network need not be asked.
    translator = Translator({}, Parser(), boto_session=Session(region_name="us-east-1"))
    result: Json = translator.translate(template, parameters)
    for name, definition in definitions.items():
        del result["Resources"][name]["Properties"]["DefinitionString"]
        result["Resources"][name]["Properties"]["Definition"] = definition
    return result


if __name__ == "__main__":
    json.dump(transformed(Path(sys.argv[1])), sys.stdout, indent=1, default=str)
