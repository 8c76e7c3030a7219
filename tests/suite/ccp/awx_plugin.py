"""Looks one account up as AWX does. Prints "all passed", or ends in an exception."""

import os

import requests
from awx_plugins.credentials import aim


def awx(query, **parameters):
    return aim.aim_plugin.backend(
        **{
            "url": os.environ["SERVER"],
            "webservice_id": "",
            "client_cert": None,
            "client_key": None,
            "verify": True,
            "app_id": os.environ["APP_ID"],
            "object_query": query,
            "object_query_format": "Exact",
            "reason": "job 7",
            **parameters,
        }
    )


assert awx("Safe=ops;Object=erp") == "erp's"
assert awx("Safe=ops;Object=erp", object_property="username") == "batch"
assert awx("Safe=ops;Object=er.", object_query_format="Regexp", object_property="address") == "10.0.0.1"
try:
    awx("Safe=ops;Object=nothing")
except requests.HTTPError as failed:
    assert failed.response.status_code == 404
else:
    raise AssertionError("an error was expected")
print("all passed")
