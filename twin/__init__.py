"""AWS's Regions in one process, on one clock: it knows neither functions/ nor farshore/.

Read clock.py, faults.py and cloud.py, then service.py and application.py (what a service and an application
are), then any folder of services/ and of applications/; botocore_hook.py lets boto3 speak to a Cloud.
"""
