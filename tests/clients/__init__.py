"""Programs that scan, keep and compute, each by its own parser: what they read of a code that totpcore drew.

    what was put in  ->  KeyURI  ->  a QR code on some screen  ->  a scanner  ->  a client  ->  the code that it shows

| module | program | Debian's package | how it takes a token |
| --- | --- | --- | --- |
| `scanners` | zbarimg | `zbar-tools` | `zbarimg --quiet --raw -Sdisable -Sqrcode.enable qr.png` |
| `scanners` | zxing-cpp | (PyPI) | `zxingcpp.read_barcodes(image)` |
| `pass_otp` | pass, and its extension | `pass-extension-otp` | `pass otp insert` on standard input, `pass otp code` |
| `keepassxc` | KeePassXC | `keepassxc` | an XML of KeePass with the URI as the field `otp`, `show --totp` |
| `ykman` | Yubico's yubikit | `python3-ykman` | `CredentialData.parse_uri`, and oathtool on what it found |
| `numberstation` | numberstation | `numberstation` | its class `OTPUrl`, without the window |
| `pyotp_reader` | pyotp | (PyPI) | `pyotp.parse_uri` |
| `oathtool` | oathtool | `oathtool` | reads no URIs: `urllib` takes them apart |

`test_pictures.py` is about every form in which a QR code is drawn, `test_codes.py` about the codes, `test_names.py`
about the names, `test_told.py` about the warning that a developer gets.

Rules of this folder:

1. A client reads by itself: nothing that totpcore took apart is handed to it.
2. Clients go by the clock of the machine. It is read before and after, and the code has to be that of a moment between
   the two: a slow machine needs no luck.
3. What a client does otherwise is held as exactly that, so that a test fails when it learns to do right.
4. A client has a home of its own in a temporary folder, and neither a screen nor a terminal.
"""
