"""`UserAdmin` on DynamoDB: users and their rights in collections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.store import directory_items, items, keys
from jobs.store.directory_changes import DirectoryChanges, put_new, refused, update_existing
from jobs.store.table import must_exist

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.tenants import Right, Role, User


class UserChanges(DirectoryChanges):
    """Users and collections."""

    def add_user(self, user: User) -> None:
        """See `UserAdmin.add_user`."""
        organisation_id = user.organisation_id
        with refused("user", f"no organisation {organisation_id}, or it has a user {user.user_id} already"):
            self._change(
                organisation_id,
                "user create",
                {"userId": user.user_id, "role": user.role},
                must_exist(keys.organisation(organisation_id)),
                put_new(directory_items.user_to_item(user)),
            )

    def list_users(self, organisation_id: int) -> Sequence[User]:
        """See `UserAdmin.list_users`: one Query for each megabyte."""
        return [directory_items.user_from_item(row) for row in self._listed(organisation_id, keys.USER_PREFIX)]

    def set_role(self, organisation_id: int, user_id: str, role: Role) -> None:
        """See `UserAdmin.set_role`."""
        change = update_existing(
            keys.user(organisation_id, user_id),
            "SET #role = :role",
            {":role": items.string(role)},
            names={"#role": "role"},
        )
        with refused("user", f"organisation {organisation_id} has no user {user_id}"):
            self._change(organisation_id, "user role", {"userId": user_id, "role": role}, change)

    def set_right(
        self, organisation_id: int, user_id: str, collection_id: str, right: Right | None, limit: int
    ) -> None:
        """See `UserAdmin.set_right`."""
        there_is_room = "(size(co) < :limit OR attribute_exists(co.#collection))"
        change = update_existing(
            keys.user(organisation_id, user_id),
            "SET co.#collection = :right" if right else "REMOVE co.#collection",
            {":right": items.string(right), ":limit": items.number(limit)} if right else {},
            names={"#collection": collection_id},
            condition=there_is_room if right else None,
        )
        about = {"collectionId": collection_id, "userId": user_id, "right": right}
        with refused("user", f"organisation {organisation_id} has no user {user_id}, or one in {limit} collections"):
            self._change(organisation_id, "collection share", about, change)
