"""Route 53's control plane, which no failover may need."""

from ...rows import READ, Quota, Rows

ROWS = (
    Rows(
        "route53",
        operations={"GetHealthCheck": READ, "GetHealthCheckStatus": READ},
        home="us-east-1",
        resources={"HealthCheckId": "route53:::healthcheck/{given}"},
        denial="AccessDenied",
        # docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html
        quotas=(Quota(frozenset({"GetHealthCheck", "GetHealthCheckStatus"}), per_second=5, at_once=5),),
    ),
)
