"""API Gateway. IAM's actions are HTTP's verbs, on the path of what is asked."""

from __future__ import annotations

from dataclasses import replace

from ...rows import READ, WRITE, Parameters, Quota, Rows


def _stage(parameters: Parameters) -> tuple[str, ...]:
    """docs.aws.amazon.com/service-authorization/latest/reference/list_amazonapigatewaymanagement.html"""
    api, stage = parameters["restApiId"], parameters["stageName"]
    return (f"apigateway:{{region}}::/restapis/{api}/stages/{stage}",)


ROWS = (
    Rows(
        "apigateway",
        operations={
            "GetStage": replace(READ, action="apigateway:GET", names=_stage),
            "UpdateStage": replace(WRITE, action="apigateway:PATCH", names=_stage),
        },
        # docs.aws.amazon.com/apigateway/latest/developerguide/limits.html (all management operations)
        quotas=(Quota(frozenset({"GetStage", "UpdateStage"}), per_second=10, at_once=40),),
    ),
)
