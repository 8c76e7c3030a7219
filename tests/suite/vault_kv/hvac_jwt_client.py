"""What a job does with hvac and a token of its issuer. Prints "all passed", or ends in an exception."""

import os

import hvac
from hvac.exceptions import InvalidRequest


def client():
    return hvac.Client(url=os.environ["VAULT_ADDR"])


def refused(method, token):
    try:
        method.login(role="deploy", jwt=token) if hasattr(method, "login") else method.jwt_login("deploy", token)
    except InvalidRequest as error:
        assert "invalid role or JWT" in str(error)
        return
    raise AssertionError("InvalidRequest was expected")


job = client()
said = job.auth.jwt.jwt_login(role="deploy", jwt=os.environ["JWT"])
assert job.token == said["auth"]["client_token"] and job.is_authenticated()
assert job.secrets.kv.v2.read_secret_version(path="erp")["data"]["data"]["password"] == "second"
refused(client().auth.jwt, os.environ["JWT"])
refused(client().auth.jwt, "x")
job.logout(revoke_token=True)
assert not job.is_authenticated()

pod = client()
pod.auth.kubernetes.login(role="deploy", jwt=os.environ["OTHER_JWT"])
assert pod.secrets.kv.v2.read_secret_version(path="erp")["data"]["data"]["password"] == "second"
refused(client().auth.kubernetes, "x")

print("all passed")
