"""SHA-1 and SHA-256 from the interpreter's own modules: hashlib loads OpenSSL, which costs a call 3 ms."""

from __future__ import annotations

try:
    from _sha2 import sha256  # type: ignore[import-not-found]  # Python 3.12 and later; unknown to typeshed
except ImportError:
    try:
        from _sha256 import sha256  # type: ignore[import-not-found]
    except ImportError:  # a build of Python without its own SHA-2
        from hashlib import sha256

try:
    from _sha1 import sha1  # type: ignore[import-not-found]  # unknown to typeshed
except ImportError:  # a build of Python without its own SHA-1
    from hashlib import sha1

__all__ = ["sha1", "sha256"]
