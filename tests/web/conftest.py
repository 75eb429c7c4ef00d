"""Servers on real sockets, in a thread of the tests."""

import contextlib
import http.client
import json
import threading
import time

import pytest

pytest.importorskip("starlette", reason="no Starlette: pip install 'deltarule[serve]'")
pytest.importorskip("uvicorn", reason="no uvicorn: pip install 'deltarule[serve]'")

import deltarule as dr
from deltarule.web.serving import Address, server_of
from deltarule.web.start import prepared

TABLE = [{"age": 20 + 5 * n, "town": "Ulm" if n % 3 else "Bonn", "buys": "yes" if n % 2 else "no"} for n in range(40)]


class Client:
    """Requests to a server of the tests."""

    def __init__(self, port, app=None):
        self.port, self.app = port, app

    def ask(self, path, body=None, method=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(connection):
            if isinstance(body, (dict, list)):
                body, headers = json.dumps(body).encode(), {"Content-Type": "application/json", **(headers or {})}
            connection.request(method or ("GET" if body is None else "POST"), path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()}

    def json(self, path, body=None, **more):
        status, content, _ = self.ask(path, body, **more)
        return status, json.loads(content)


@contextlib.contextmanager
def running(models, limits=None, token="", **more):
    server = prepared(models, limits=limits, token=token, **more)
    listening = Address(port=0, token=token).bound()
    uvicorn = server_of(server.app, server.limits, ending=server.close)
    thread = threading.Thread(target=uvicorn.run, kwargs={"sockets": [listening]})
    with server:
        thread.start()
        while not uvicorn.started:
            time.sleep(0.005)
        yield Client(listening.getsockname()[1], server.app)
        uvicorn.should_exit = True
        thread.join()
    listening.close()


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    small = dr.Recipe(network=dr.Network(hidden=(8,)), epochs=20, stopping=None, batch_size=16)
    iris = dr.train(small, dr.load_dataset("iris")).model.save(folder / "iris.safetensors")
    people = dr.train(small, TABLE, "buys").model.save(folder / "people.safetensors")
    numbers = dr.train(small, dr.load_dataset("diabetes")).model.save(folder / "diabetes.safetensors")
    return {"iris": iris, "people": people, "diabetes": numbers}


@pytest.fixture(scope="module")
def client(models):
    with running(models) as found:
        yield found
