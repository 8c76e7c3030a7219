"""Drives the package senhasegura with OAuth1: form, JSON, query, every verb, and a copy of a request."""

import json
import os

import requests
from senhasegura import A2A

KEY = json.loads(os.environ["KEY"])


def client(**changed):
    parameters = {
        "client_key": KEY["consumer_key"],
        "client_secret": KEY["consumer_secret"],
        "resource_owner_key": KEY["token"],
        "resource_owner_secret": KEY["token_secret"],
    }
    return A2A(os.environ["HOST"], "OAuth1", **{**parameters, **changed})


a2a = client()
device = {"hostname": "srv-1", "ip": "10.0.0.1", "type": "Server", "vendor": "Debian & co", "model": "12", "site": "Lisboa é"}
made = a2a.post("/iso/pam/device", data=device)
assert made.status_code == 201, made.text
credential = {"hostname": "srv-1", "ip": "10.0.0.1", "username": "batch", "identifier": "erp", "content": "p+w &=ç"}
made = a2a.post("/api/pam/credential", json=credential)
assert made.status_code == 201, made.text
read = a2a.get("/iso/pam/credential/erp", params={"a b": "ç+", "x": ["2", "1"]}, headers={"User-Agent": "example"})
assert read.status_code == 200 and read.json()["credential"]["password"] == "p+w &=ç", read.text
listed = a2a.get("iso/pam/device?limit=1")
assert listed.status_code == 200 and listed.json()["devices"][0]["hostname"] == "srv-1", listed.text
assert a2a.delete("/iso/pam/credential/erp").status_code == 200
assert a2a.put("/iso/pam/credential/erp").status_code == 200

copied = requests.get(read.request.url, headers=read.request.headers)
assert copied.status_code == 401 and "oauth_nonce" in copied.json()["response"]["message"], copied.text
wrong = client(resource_owner_secret="guess").get("/iso/pam/device")
assert wrong.status_code == 401 and wrong.json()["response"]["message"] == "Invalid signature", wrong.text
print("all passed")
