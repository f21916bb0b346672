namespace go thriftecho

service Echo {
    string Say(1: string text)
}
