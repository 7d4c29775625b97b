# SPDX-License-Identifier: LGPL-2.1-or-later
"""A film in a bucket of S3, which a server on this machine stands for: each worker reads its part of it in place."""
import pathlib

import films
import pytest

server = pytest.importorskip("moto.server")
fsspec = pytest.importorskip("fsspec")
pytest.importorskip("s3fs")
RUN = ("--split", 10, "--warm-up", 2, "--threads", 1)


@pytest.fixture
def bucket(monkeypatch):
    """Its files; and the variables by which all processes find them."""
    made = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    made.start()
    host, port = made.get_host_and_port()
    for name, value in {"AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "films",
                        "AWS_SECRET_ACCESS_KEY": "films", "AWS_DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    files = fsspec.filesystem("s3", skip_instance_cache=True)
    files.mkdir("films")
    yield files
    made.stop()


def test_a_film_in_a_bucket(bucket, tmp_path):
    films.make(tmp_path / "in.mkv", 30, (12,), 64, 48)
    bucket.put(str(tmp_path / "in.mkv"), "films/in.mkv")
    films.film("run", tmp_path / "in.mkv", tmp_path / "path.mkv", *RUN)
    films.film("run", "s3://films/in.mkv", tmp_path / "s3.mkv", *RUN, "--workers", 2)
    assert (tmp_path / "s3.mkv").read_bytes() == (tmp_path / "path.mkv").read_bytes()
    bucket.put(str(tmp_path / "s3.mkv"), "films/out.mkv")
    assert bucket.cat("films/out.mkv") == (tmp_path / "path.mkv").read_bytes()

    said = films.film("run", "s3://films/none.mkv", tmp_path / "none.mkv", code=1)
    assert "s3://films/none.mkv: " in said and not list(pathlib.Path(tmp_path).glob("none*"))
    bucket.put(str(tmp_path / "path.mkv"), "films/in.mkv")
    said = films.film("run", "s3://films/in.mkv", tmp_path / "again.mkv", *RUN, "--dir", tmp_path / "s3.mkv.udm-film",
                      code=1)
    assert "source bytes was" in said and "source modified was" in said
