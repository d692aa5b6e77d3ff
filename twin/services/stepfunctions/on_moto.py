"""What moto must do otherwise: run the machines, which it only answers for by itself."""

SERVICE = "stepfunctions"
CONFIG = {"execute_state_machine": True}
