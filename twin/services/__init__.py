"""A folder a service of AWS: `model.py` is its behaviour, `rows.py` what it declares of its operations.

Where moto is what answers, `double.py` stands in for it and `on_moto.py` says what is to be known of it; read
twin/service.py first.
"""
