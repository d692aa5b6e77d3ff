"""What AWS accepts of what is compiled: its limits, each with its source."""

from __future__ import annotations

STATE_NAME = MACHINE_NAME = 80
"""Characters. Source: docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""
DEFINITION_BYTES = 1024 * 1024
"""Of a definition. Source: the same."""
PAYLOAD_BYTES = 256 * 1024
"""Of a state's input, and so of the event of its function. Source: the same."""
EVENTS = 25_000
"""Of an execution's history. Source: the same."""

FUNCTION_NAME = 64
"""Characters. Source: docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html"""
LONGEST_PREFIX = 20
"""Characters of what functions' names begin with, before a hyphen: it leaves this many less for a step's."""

FUNCTION_DESCRIPTION = 256
"""Characters. Source: the same."""

INLINE_CHARACTERS = 10_240
"""Of all inline policies of a role together, white space not counted: to split them helps nobody.
Source: docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
MANAGED_CHARACTERS = 6_144
"""Of a managed policy, white space not counted. Source: the same."""
MANAGED_POLICIES = 8
"""A role may have 10. SAM attaches one for logs, and one more where a function is traced.
Source: the same."""

TEMPLATE_BYTES = 1_000_000
"""Of a template, written 1 MB. Source: docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide,
cloudformation-limits.html"""
RESOURCES, OUTPUTS = 500, 200
"""Of a template. So many resources leave no room for 200 parameters. Source: the same."""
CONDITIONS_OR = 10
"""In one Fn::Or. Source: docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference,
intrinsic-function-reference-conditions.html"""
LOGICAL_ID = 255
"""Characters of a resource's name in a template. Source: the same."""
