"""What the process environment says of the network: proxies and certificate authorities.

Rules of this file: one reading for both backends, by the variables that curl and requests use. `~/.netrc` is
not among them: it would replace the key that was given.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from .errors import ConfigError


def proxy_for(url: str) -> str | None:
    """The proxy for a URL by HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY (in lower case too), or None."""
    parts = urlsplit(url)
    proxies = getproxies()
    found = proxies.get(parts.scheme) or proxies.get("all")
    return None if not found or proxy_bypass(parts.netloc.rpartition("@")[2]) else found


def ca_bundle() -> str | None:
    """The file or folder of certificate authorities by REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE or SSL_CERT_FILE, or None.

    Raises `ConfigError` if it is not there.
    """
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        if path := os.environ.get(name):
            if not os.path.exists(path):
                raise ConfigError(f"{name}: {path}: there is no such file")
            return path
    return None
