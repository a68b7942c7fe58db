vhost "shop" {
  hosts   = ["shop.example"]
  backnd  = "app"
  backend = "defined-in-the-broken-file"
}
