"""What tenancy needs beside the directory: to store tokens, and to change the directory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from jobs.ports import Directory, Ports

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.tenants import AccessToken, Client, Credential, Organisation, Project, Right, Role, User


class TokenStore(Protocol):
    """Where access tokens are kept."""

    def add_token(self, token: AccessToken, digest: str) -> None:
        """Store a token under its digest.

        Raises:
            Busy: DynamoDB throttles, or the answer was lost.
        """


class TokenPorts(Ports, Protocol):
    """The world in which tokens are issued."""

    @property
    def tokens(self) -> TokenStore:
        """Where tokens are put."""


class DirectoryAdmin(Directory, Protocol):
    """The directory, and what administrators do to it."""

    def add_organisation(self, name: str) -> Organisation:
        """Create an organisation under the next free id."""

    def add_project(self, organisation_id: int, name: str, project_key: str, secret: bytes, limit: int) -> Project:
        """Create a project of an organisation that has fewer than `limit` projects.

        Raises:
            InvalidRequest: the organisation does not exist or has `limit` projects.
        """

    def set_trust(self, project_id: int, accounts: frozenset[str], sources: frozenset[str]) -> None:
        """Set the accounts and sources whose events a project takes.

        Raises:
            InvalidRequest: the project does not exist.
        """

    def add_credential(self, credential: Credential, digest: str) -> None:
        """Store a credential under the digest of its secret.

        Raises:
            InvalidRequest: the organisation does not exist.
        """

    def revoke_credential(self, organisation_id: int, credential_id: str, now: int) -> None:
        """End a credential for ever.

        Raises:
            InvalidRequest: the organisation has no credential with this id.
        """

    def add_user(self, user: User) -> None:
        """Create a user.

        Raises:
            InvalidRequest: the organisation does not exist, or already has a user with this id.
        """

    def set_role(self, organisation_id: int, user_id: str, role: Role) -> None:
        """Give a user another role.

        Raises:
            InvalidRequest: the user does not exist.
        """

    def set_right(
        self, organisation_id: int, user_id: str, collection_id: str, right: Right | None, limit: int
    ) -> None:
        """Put a user into a collection with a right, or take the user out (None).

        Raises:
            InvalidRequest: the user does not exist, or is in `limit` collections already.
        """

    def add_client(self, client: Client) -> None:
        """Create a client of a user, with a project of the same organisation.

        Raises:
            InvalidRequest: the organisation has no such user or project.
        """

    def revoke_client(self, client_id: str, now: int) -> None:
        """End a client and its tokens for ever.

        Raises:
            InvalidRequest: the client does not exist.
        """

    def set_workflow_collections(self, organisation_id: int, workflow_id: str, collection_ids: Sequence[str]) -> None:
        """Set the collections that a workflow is in.

        Raises:
            InvalidRequest: the organisation does not exist.
        """
