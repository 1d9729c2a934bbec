"""Writes a backup as the reference implementation does: its calls, its members, its order.

Usage: reference_backup.py COGNITO_ENDPOINT REGION ACCOUNT POOL_ID > backup.json

The shape is that of docs/backup-format.md's chapter on the reference: one plain JSON object,
dates as `str()` makes them, users before groups, no trailer, sections that could not be read
as null or empty.
"""

import datetime
import json
import sys

import boto3


def pages(client, operation, member, **arguments):
    for page in client.get_paginator(operation).paginate(**arguments):
        yield from page[member]


def backup(client, pool):
    here = {"UserPoolId": pool}
    groups = client.list_groups(**here)["Groups"]
    return {
        "timestamp": datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None).isoformat(),
        "user_pool_id": pool,
        "user_pool_config": client.describe_user_pool(**here)["UserPool"],
        "app_clients": [
            client.describe_user_pool_client(ClientId=found["ClientId"], **here)["UserPoolClient"]
            for found in pages(client, "list_user_pool_clients", "UserPoolClients", **here)
        ],
        "users": list(pages(client, "list_users", "Users", **here)),
        "groups": groups,
        "group_memberships": {
            group["GroupName"]: [
                user["Username"]
                for user in pages(client, "list_users_in_group", "Users", GroupName=group["GroupName"], **here)
            ]
            for group in groups
        },
        "identity_providers": [
            client.describe_identity_provider(ProviderName=found["ProviderName"], **here)["IdentityProvider"]
            for found in pages(client, "list_identity_providers", "Providers", **here)
        ],
        "resource_servers": list(pages(client, "list_resource_servers", "ResourceServers", **here)),
        # The reference asks for a domain named like the pool, and gets an error or nothing.
        "user_pool_domain": None,
        "ui_customization": client.get_ui_customization(**here).get("UICustomization"),
    }


def main(endpoint, region, account, pool):
    client = boto3.client(
        "cognito-idp",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=account,
        aws_secret_access_key="secret",
    )
    json.dump(backup(client, pool), sys.stdout, default=str)


if __name__ == "__main__":
    main(*sys.argv[1:])
