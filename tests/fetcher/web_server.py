"""A real nginx that serves a folder in many ways, one for each first part of the path, and logs all it is asked.

What is uploaded to one of the paths that begin with ``put`` goes to another folder.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from tests.images.processes import started, until
from tests.kit.ports import free_port

TIMES = count(1_700_000_000, 3600)
CONFIGURATION = """
load_module /usr/lib/nginx/modules/ngx_http_js_module.so;
daemon off;
master_process off;
worker_processes 1;
pid FOLDER/pid;
error_log FOLDER/error.log;
events {}
http {
  client_body_temp_path FOLDER/body; proxy_temp_path FOLDER/proxy; fastcgi_temp_path FOLDER/fastcgi;
  uwsgi_temp_path FOLDER/uwsgi; scgi_temp_path FOLDER/scgi;
  js_import lying from FOLDER/lying.js;
  log_format asked escape=json '{"path":"$uri","status":$status,"sent":$body_bytes_sent,"range":"$http_range",'
    '"if_match":"$http_if_match","if_unmodified_since":"$http_if_unmodified_since","authorization":"$http_authorization",'
    '"connection":$connection}';
  access_log FOLDER/asked.log asked;
  limit_conn_zone $server_name zone=few:1m;
  limit_req_zone $server_name zone=rare:1m rate=20r/s;
  map $content_length $large { ~..... 1; }
  root FOLDER/files;
  etag on;
  server {
    listen 127.0.0.1:PORT;
    listen 127.0.0.1:TLS ssl;
    server_name localhost;
    ssl_certificate FOLDER/tls.crt;
    ssl_certificate_key FOLDER/tls.key;
    location /ranged/ { alias FOLDER/files/; }
    location /plain/ { alias FOLDER/files/; max_ranges 0; }
    location /dated/ { alias FOLDER/files/; etag off; }
    location /bare/ { alias FOLDER/files/; etag off; add_header Last-Modified ""; }
    location /slow/ { alias FOLDER/files/; limit_rate 2m; }
    location /dribble/ { alias FOLDER/files/; limit_rate 300; }
    location /few/ { alias FOLDER/files/; limit_conn few 2; }
    location /rare/ { alias FOLDER/files/; limit_req zone=rare; }
    location /secret/ { alias FOLDER/files/; auth_basic here; auth_basic_user_file FOLDER/users; }
    location /moved/ { rewrite ^/moved/(.*)$ /ranged/$1 redirect; }
    location /resets/ { return 444; }
    location /short/ { keepalive_timeout 0; js_content lying.short; }
    location /part/ { keepalive_timeout 0; js_content lying.part; }
    location /other/ { js_content lying.other; }
    location /unlike/ { js_content lying.unlike; }
    location /put/ { alias FOLDER/put/; dav_methods PUT; create_full_put_path on; client_max_body_size 16m; }
    location /put-secret/ {
      alias FOLDER/put/; dav_methods PUT; create_full_put_path on; auth_basic here; auth_basic_user_file FOLDER/users;
    }
    location /put-small/ { alias FOLDER/put/; dav_methods PUT; create_full_put_path on; client_max_body_size 2k; }
    location /put-400/ { alias FOLDER/put/; dav_methods PUT; create_full_put_path on; if ($large) { return 400; } }
    location /put-422/ { alias FOLDER/put/; dav_methods PUT; create_full_put_path on; if ($large) { return 422; } }
    location /put-moved/ { rewrite ^/put-moved/(.*)$ /put-secret/$1; return 307 $uri; }
    location /put-busy/ { add_header Retry-After 1 always; return 503; }
    location /inside/ { return 302 http://169.254.169.254/latest/meta-data/; }
  }
}
"""
LYING = """
function send(r, status, headers, body) {
  r.status = status;
  for (const key in headers) r.headersOut[key] = headers[key];
  r.sendHeader();
  r.send(body);
  r.finish();
}
const short = (r) => send(r, 200, {'Content-Length': '1000000'}, 'x'.repeat(5000));
const part = (r) => send(r, 206, {'Content-Range': 'bytes 0-999/1000', 'ETag': '"a"', 'Content-Length': '1000'},
  'x'.repeat(10));
const other = (r) => send(r, 206, {'Content-Range': 'bytes 5000-5999/9000000', 'ETag': '"a"', 'Content-Length': '1000'},
  'x'.repeat(1000));
const unlike = (r) => {
  const found = /bytes=(\\d+)-(\\d+)/.exec(r.headersIn['Range']);
  const size = found[2] - found[1] + 1;
  send(r, 206, {'Content-Range': `bytes ${found[1]}-${found[2]}/9000000`, 'ETag': `"${Math.random()}"`,
    'Content-Length': String(size)}, 'x'.repeat(size));
};
export default {short, part, other, unlike};
"""


@dataclass(frozen=True)
class WebServer:
    """nginx, and the folder of what it serves."""

    folder: Path
    port: int
    tls_port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def put(self, name: str, content: bytes) -> None:
        """A file to be served, at once and as a whole; nginx makes its ETag of time and size."""
        draft = self.folder / f"{name}.draft"
        draft.write_bytes(content)
        os.utime(draft, (0, next(TIMES)))
        draft.rename(self.folder / "files" / name)

    def stored(self) -> dict[str, bytes]:
        """Path and content of each file that was uploaded."""
        root = self.folder / "put"
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    def clear(self) -> None:
        """As if nothing had been uploaded or asked yet."""
        for path in sorted((self.folder / "put").rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        self.forget()

    def asked(self) -> list[dict[str, Any]]:
        """Requests that were answered, in the order in which they ended."""
        return [json.loads(line) for line in (self.folder / "asked.log").read_text().splitlines()]

    def forget(self) -> None:
        """As if it had not been asked yet."""
        os.truncate(self.folder / "asked.log", 0)


def make_certificate(folder: Path) -> None:
    """A certificate for ``localhost`` that is its own authority."""
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(folder / "tls.key"), "-out", str(folder / "tls.crt")]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run(["openssl", "req", "-x509", *key, *names, *files], check=True, capture_output=True)


@contextmanager
def web_server(folder: Path) -> Iterator[WebServer]:
    """Until the block ends."""
    port, tls_port = free_port(), free_port()
    (folder / "files").mkdir()
    (folder / "put").mkdir()
    make_certificate(folder)
    (folder / "users").write_text("robot:{PLAIN}secret1\n")
    (folder / "lying.js").write_text(LYING)
    text = CONFIGURATION.replace("FOLDER", str(folder)).replace("PORT", str(port)).replace("TLS", str(tls_port))
    (folder / "nginx.conf").write_text(text)
    command = ["nginx", "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    with started(command, port=port, output=folder / "output"):
        until((folder / "asked.log").exists)
        yield WebServer(folder, port, tls_port)
