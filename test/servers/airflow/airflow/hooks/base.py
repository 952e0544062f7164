import os
from types import SimpleNamespace


class BaseHook:
    @staticmethod
    def get_connection(conn_id):
        assert conn_id == "lowtide"
        host, port, password = os.environ["LOWTIDE_CONNECTION"].split()
        return SimpleNamespace(host=host, port=int(port), password=password, schema=None)
