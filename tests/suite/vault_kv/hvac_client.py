"""What a program does with hvac. Prints "all passed", or ends in an exception."""

import os

import hvac
from hvac.exceptions import Forbidden, InvalidPath, InvalidRequest


def refused(kind, call):
    try:
        call()
    except kind:
        return
    raise AssertionError(f"{kind.__name__} was expected")


def login(role, secret):
    client = hvac.Client(url=os.environ["VAULT_ADDR"])
    said = client.auth.approle.login(role_id=os.environ[role], secret_id=secret)
    assert client.token == said["auth"]["client_token"]
    return client


client = login("ROLE_ID", os.environ["SECRET_ID"])
assert client.is_authenticated()
kv = client.secrets.kv.v2
read = kv.read_secret_version(path="erp", raise_on_deleted_version=True)
assert read["data"]["data"]["password"] == "second", read["data"]["metadata"]
assert read["data"]["metadata"]["version"] == 2
assert kv.read_secret_version(path="erp", version=1, raise_on_deleted_version=True)["data"]["data"]["password"] == "first"
assert kv.read_secret_version(path="srv/corp/ana", raise_on_deleted_version=True)["data"]["data"]["password"] == "ana's"
assert kv.list_secrets(path="")["data"]["keys"] == ["erp", "key", "note", "srv/"]
assert kv.list_secrets(path="srv/corp")["data"]["keys"] == ["ana"]
refused(InvalidPath, lambda: kv.read_secret_version(path="nothing", raise_on_deleted_version=True))
refused(InvalidPath, lambda: kv.list_secrets(path="nothing"))
refused(InvalidRequest, lambda: login("ROLE_ID", "wrong"))
assert client.sys.is_initialized() and not client.sys.is_sealed()
assert "secret/" in client.sys.list_mounted_secrets_engines()["data"]
assert client.lookup_token()["data"]["meta"]["role_name"] == os.environ["ROLE_ID"]

stranger = login("STRANGER_ROLE_ID", os.environ["STRANGER_SECRET_ID"])
refused(Forbidden, lambda: stranger.secrets.kv.v2.read_secret_version(path="erp", raise_on_deleted_version=True))

token = client.token
client.logout(revoke_token=True)
assert not hvac.Client(url=os.environ["VAULT_ADDR"], token=token).is_authenticated()
print("all passed")
