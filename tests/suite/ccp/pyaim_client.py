"""Reads by every parameter of pyaim, and tells errors apart."""

import os

from pyaim import CCPPasswordREST

SERVER, APP_ID = os.environ["SERVER"], os.environ["APP_ID"]
ROBOT = ("robot.pem", "robot.key")


def error(**parameters):
    client = parameters.pop("client", ccp)
    try:
        client.GetPassword(**{"appid": APP_ID, "safe": "ops", **parameters})
    except ConnectionError as failed:
        return str(failed)
    raise AssertionError("it did not fail")


ccp = CCPPasswordREST(f"https://{SERVER}", verify="server.pem", cert=ROBOT)
account = ccp.GetPassword(appid=APP_ID, safe="ops", folder="Root", object="erp", reason="a run of a robot")
assert account["Content"] == "erp's" and account["UserName"] == "batch", account.keys()
assert account["Address"] == "10.0.0.1" and account["PasswordChangeInProcess"] == "False"
account = ccp.GetPassword(appid=APP_ID, safe="ops", username="batch", address="srv", query_format="Exact")
assert account["Name"] == "erp"

assert "Status: 404" in error(object="nothing")
assert "Status: 403" in error(object="erp", appid="nobody")
assert "AIMWS030E" in error(username="batch", dual_accounts=True)
stranger = CCPPasswordREST(f"https://{SERVER}", verify="server.pem")
assert "Status: 403" in error(object="erp", client=stranger)
print("all passed")
