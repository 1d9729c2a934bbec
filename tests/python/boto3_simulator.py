"""Talks to a simulator as any Python program would talk to Cognito.

Usage: boto3_simulator.py ENDPOINT. Ends with status 1 and a line on what was different.
"""

import sys

import boto3
from botocore.exceptions import ClientError


def client(endpoint, region):
    return boto3.client(
        "cognito-idp",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def refused(call, code, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
    else:
        raise AssertionError(f"{call.__name__} was not refused")


def main(endpoint):
    primary = client(endpoint, "us-east-1")
    pool = primary.create_user_pool(
        PoolName="boto3",
        AliasAttributes=["email"],
        Schema=[{"Name": "plan", "AttributeDataType": "String", "Mutable": True}],
    )["UserPool"]["Id"]
    described = primary.describe_user_pool(UserPoolId=pool)["UserPool"]
    assert "custom:plan" in [attribute["Name"] for attribute in described["SchemaAttributes"]], described
    refused(
        primary.create_user_pool_client,
        "InvalidParameterException",
        UserPoolId=pool,
        ClientName="web",
        SupportedIdentityProviders=["Nobody"],
    )
    made = primary.create_user_pool_client(UserPoolId=pool, ClientName="web", GenerateSecret=True)
    assert made["UserPoolClient"]["ClientSecret"], "no secret"
    for number in range(70):
        primary.admin_create_user(
            UserPoolId=pool,
            Username=f"user{number}",
            MessageAction="SUPPRESS",
            UserAttributes=[{"Name": "custom:plan", "Value": "gold"}],
        )
    refused(primary.admin_create_user, "UsernameExistsException", UserPoolId=pool, Username="user1")
    refused(primary.admin_confirm_sign_up, "NotAuthorizedException", UserPoolId=pool, Username="user1")
    pages = primary.get_paginator("list_users").paginate(UserPoolId=pool)
    assert sum(len(page["Users"]) for page in pages) == 70
    primary.create_group(UserPoolId=pool, GroupName="staff")
    primary.admin_add_user_to_group(UserPoolId=pool, Username="user1", GroupName="staff")
    assert len(primary.list_users_in_group(UserPoolId=pool, GroupName="staff")["Users"]) == 1
    recovery = client(endpoint, "us-west-2")
    assert recovery.list_user_pools(MaxResults=60)["UserPools"] == [], "Regions share their pools"
    refused(recovery.describe_user_pool, "ResourceNotFoundException", UserPoolId=pool)


main(sys.argv[1])
