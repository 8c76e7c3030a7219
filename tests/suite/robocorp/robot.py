"""What a robot does with robocorp.vault. Prints "all passed", or ends in an exception."""

import os

from robocorp import vault
from robocorp.vault import RobocorpVaultError


def refused(message, call):
    try:
        call()
    except RobocorpVaultError as error:
        assert message in str(error), error
        return
    raise AssertionError(f"{message} was expected")


secret = vault.get_secret("erp")
assert (secret["username"], secret["password"]) == ("batch", "second"), list(secret)
assert (secret["hostname"], secret["address"]) == ("srv", "10.0.0.1"), dict(secret)
assert vault.get_secret("srv/corp/ana")["password"] == "ana's"
assert vault.get_secret("note")["text"] == "a text"
assert "PRIVATE KEY" in vault.get_secret("key")["private_key"]
refused("No secret with name 'nothing'", lambda: vault.get_secret("nothing"))
print("all passed")
