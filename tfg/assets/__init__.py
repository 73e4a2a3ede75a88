"""Pretrained files that cannot ship: name -> source, licence, checksum, what it enables, where it is looked for.

Nothing is downloaded without being asked. A file counts as found when its name is right and its size is; its sum is
verified when it is fetched, added, or listed with `tfg assets --verify`.
"""

from tfg.assets.catalogue import ASSETS, Asset, PackageSource, UrlSource, asset, named
from tfg.assets.fetching import NotFetchedError, fetch
from tfg.assets.store import (
    absence,
    add,
    cache_root,
    describe,
    find,
    listing,
    locate,
    located,
    records,
    remedy,
    search_folders,
    usable,
)
from tfg.assets.sums import blob_id, checksum, content_sum

__all__ = [
    "ASSETS",
    "Asset",
    "NotFetchedError",
    "PackageSource",
    "UrlSource",
    "absence",
    "add",
    "asset",
    "blob_id",
    "cache_root",
    "checksum",
    "content_sum",
    "describe",
    "fetch",
    "find",
    "listing",
    "locate",
    "located",
    "named",
    "records",
    "remedy",
    "search_folders",
    "usable",
]
