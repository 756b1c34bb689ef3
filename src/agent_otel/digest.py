"""SHA-256 from the interpreter's own module: hashlib loads OpenSSL, which takes 3 ms of a call of the command."""

from __future__ import annotations

try:
    from _sha2 import sha256  # type: ignore[import-not-found]  # Python 3.12 and later; unknown to typeshed
except ImportError:
    try:
        from _sha256 import sha256  # type: ignore[import-not-found]
    except ImportError:  # a build of Python without its own SHA-2
        from hashlib import sha256

__all__ = ["sha256"]
