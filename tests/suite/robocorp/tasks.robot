*** Comments ***
What a robot of Robot Framework does with RPA.Robocorp.Vault.

*** Settings ***
Library    RPA.Robocorp.Vault

*** Tasks ***
Read And Write
    ${secret}=    Get Secret    erp
    Should Be Equal    ${secret}[username]    batch
    Should Be Equal    ${secret}[password]    second
    ${secret}=    Update Secret    ${secret}
    Set Secret    ${secret}
    ${written}=    Get Secret    erp
    Should Be Equal    ${written}[password]    from a robot

Hear Of Nothing
    Run Keyword And Expect Error    *RobocorpVaultError*    Get Secret    nothing

*** Keywords ***
Update Secret
    [Arguments]    ${secret}
    Evaluate    $secret.update({"password": "from a robot"})
    RETURN    ${secret}
