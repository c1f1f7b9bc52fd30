"""Why an asset is not optimised; none of these gets better by trying again."""

from jobforge.execution.errors import Terminal


class Empty(Terminal):
    """The asset has no bytes."""

    code = "asset.empty"


class UnsupportedType(Terminal):
    """The asset is neither a JPEG, PNG, WebP, AVIF, GIF or TIFF picture nor an SVG drawing."""

    code = "asset.unsupported_type"


class Animated(Terminal):
    """The asset holds more than one frame or page, and nothing that was ordered can keep them."""

    code = "asset.animated"


class TooLarge(Terminal):
    """The asset has more bytes or pixels than the service is told to open."""

    code = "asset.too_large"


class Unreadable(Terminal):
    """The asset's file is broken or cut short."""

    code = "asset.unreadable"


class EntitiesDeclared(Terminal):
    """The drawing declares XML entities, which may stand for anything."""

    code = "asset.xml_entities"


class NotEncodable(Terminal):
    """An encoder refused the picture."""

    code = "asset.not_encodable"
