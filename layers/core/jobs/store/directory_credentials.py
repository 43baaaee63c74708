"""`CredentialAdmin` on DynamoDB: how API keys and clients are given out and end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.errors import InvalidRequest
from jobs.store import directory_items, items, keys
from jobs.store.directory_changes import DirectoryChanges, put_new, refused, update_existing
from jobs.store.table import must_exist

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jobs.store.keys import Key
    from jobs.store.table import Write
    from jobs.tenants import Client, Credential


class CredentialChanges(DirectoryChanges):
    """API keys and clients."""

    def add_credential(self, credential: Credential, digest: str) -> None:
        """See `CredentialAdmin.add_credential`."""
        organisation_id = credential.organisation_id
        with refused("organisation", f"no organisation {organisation_id}"):
            self._change(
                organisation_id,
                "key create",
                {"keyId": credential.credential_id, **_about(credential)},
                must_exist(keys.organisation(organisation_id)),
                *_credential_puts(credential, digest),
            )

    def list_credentials(self, organisation_id: int) -> Sequence[Credential]:
        """See `CredentialAdmin.list_credentials`: a Query of the list, and BatchGetItems."""
        listed = self._listed(organisation_id, keys.ORGANISATION_CREDENTIAL_PREFIX)
        rows = self._get_all([keys.credential(entry["digest"]["S"]) for entry in listed])
        found = map(directory_items.credential_from_item, rows)
        return sorted(found, key=lambda credential: (credential.created_at, credential.credential_id))

    def rotate_credential(self, credential_id: str, until: int, credential: Credential, digest: str) -> None:
        """See `CredentialAdmin.rotate_credential`: a GetItem and a transaction."""
        organisation_id = credential.organisation_id
        lives_until_then = "attribute_not_exists(rv) AND (attribute_not_exists(ex) OR ex >= :until)"
        with refused("key", f"{credential_id} was revoked, or ends before that time"):
            self._change(
                organisation_id,
                "key rotate",
                {"keyId": credential_id, "until": until, "newKeyId": credential.credential_id, **_about(credential)},
                update_existing(
                    self._credential_key(organisation_id, credential_id),
                    "SET ex = :until",
                    {":until": items.number(until)},
                    condition=lives_until_then,
                ),
                *_credential_puts(credential, digest),
            )

    def revoke_credential(self, organisation_id: int, credential_id: str) -> int:
        """See `CredentialAdmin.revoke_credential`: a GetItem, a transaction, and a GetItem of what is stored."""
        key = self._credential_key(organisation_id, credential_id)
        return self._revoke(organisation_id, "key revoke", {"keyId": credential_id}, key)

    def _credential_key(self, organisation_id: int, credential_id: str) -> Key:
        """The key of a credential's row.

        Raises:
            InvalidRequest: the organisation has no such credential.
        """
        listed = self._table.get(keys.organisation_credential(organisation_id, credential_id))
        if not listed:
            raise InvalidRequest("key", f"organisation {organisation_id} has no key {credential_id}")
        return keys.credential(listed["digest"]["S"])

    def add_client(self, client: Client) -> None:
        """See `CredentialAdmin.add_client`."""
        organisation_id = client.organisation_id
        of = f"organisation {organisation_id}"
        about = {"clientId": client.client_id, "userId": client.user_id, "projectId": client.project_id}
        with refused("client", f"{of} has no user {client.user_id} or no project {client.project_id}"):
            self._change(
                organisation_id,
                "client create",
                {**about, "expiresAt": client.expires_at},
                must_exist(keys.user(organisation_id, client.user_id)),
                must_exist(keys.organisation_project(organisation_id, client.project_id)),
                put_new(directory_items.client_to_item(client)),
                put_new(items.key(keys.organisation_client(organisation_id, client.client_id))),
            )

    def list_clients(self, organisation_id: int) -> Sequence[Client]:
        """See `CredentialAdmin.list_clients`: a Query of the list, and BatchGetItems."""
        listed = self._listed(organisation_id, keys.ORGANISATION_CLIENT_PREFIX)
        rows = self._get_all([keys.client(keys.parse_organisation_client(entry["sk"]["S"])) for entry in listed])
        found = map(directory_items.client_from_item, rows)
        return sorted(found, key=lambda client: (client.created_at, client.client_id))

    def revoke_client(self, client_id: str) -> int:
        """See `CredentialAdmin.revoke_client`: a GetItem, a transaction, and a GetItem of what is stored."""
        client = self.find_client(client_id)
        if client is None:
            raise InvalidRequest("client", f"no client {client_id}")
        about = {"clientId": client_id}
        return self._revoke(client.organisation_id, "client revoke", about, keys.client(client_id))

    def _revoke(self, organisation_id: int, what: str, about: Mapping[str, Any], key: Key) -> int:
        """End what was given out, and return when it ended, which may be before now."""
        values = {":now": items.number(self.clock.now())}
        self._change(organisation_id, what, about, update_existing(key, "SET rv = if_not_exists(rv, :now)", values))
        return int(self._table.get(key)["rv"]["N"])


def _credential_puts(credential: Credential, digest: str) -> tuple[Write, Write]:
    """The credential, and its entry in the organisation's list."""
    listed = keys.organisation_credential(credential.organisation_id, credential.credential_id)
    return (
        put_new(directory_items.credential_to_item(credential, digest)),
        put_new({**items.key(listed), "digest": items.string(digest)}),
    )


def _about(credential: Credential) -> dict[str, Any]:
    return {
        "scopes": sorted(credential.scopes),
        "projects": sorted(credential.projects),
        "expiresAt": credential.expires_at,
    }
