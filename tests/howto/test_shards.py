"""Users over several databases, as `docs/explanation/scale.md` has it."""

from pathlib import Path

import pytest

from howto.shards import ShardedStore
from totpcore import CodeReplayed, MemoryStore, Plaintext, SQLiteStore, TwoFactor
from totpcore.testing import HandClock, Phone, StoreContract, StoreFactory

NAMES = [f"user {number}" for number in range(1_000)]


class TestShardedStore(StoreContract):
    """It keeps the contract that each of its shards keeps, among threads and processes."""

    @pytest.fixture
    def store_factory(self, tmp_path: Path) -> StoreFactory:
        return lambda: ShardedStore([SQLiteStore(tmp_path / f"{number}.db", create=True) for number in range(4)])


def test_users_are_spread_evenly() -> None:
    """Each shard has its share, and nobody is in two."""
    shards = [MemoryStore() for _ in range(4)]
    store = ShardedStore(shards)
    for name in NAMES:
        assert store.swap(name, None, name.encode())
    assert sorted(store.users()) == sorted(NAMES)
    shares = [len(list(shard.users())) for shard in shards]
    assert sum(shares) == len(NAMES)
    assert min(shares) > 200


def test_a_user_is_always_in_the_same_shard(tmp_path: Path) -> None:
    """Another process, with the same list, finds everybody; what was spent stays spent."""
    paths, clock = [tmp_path / f"{number}.db" for number in range(3)], HandClock(1_800_000_000)

    def service(*, create: bool) -> TwoFactor:
        store = ShardedStore([SQLiteStore(path, create=create) for path in paths])
        return TwoFactor(store, issuer="ACME", sealer=Plaintext(), clock=clock)

    phone = Phone.scan(service(create=True).enrol("7", account="alice").uri)
    code = phone.code(clock())
    service(create=False).confirm("7", code)
    with pytest.raises(CodeReplayed):
        service(create=False).verify("7", code)
